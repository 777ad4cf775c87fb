/** What clients are told when endpoints fail, each in its own way; and that real Envoy tells them the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGateway, type RequestOutcome, textSource } from '../../../gateway/index.ts';
import { findPeer, skipWithout } from '../../peer/find.ts';
import { FAULT_CASES, type FaultCase } from './case.ts';
import { askOnce } from './client.ts';
import { startFaultEnvoy } from './envoy.ts';
import { openEndpoints, rulesOf, serviceOf } from './world.ts';

const EVERY_MS = 5;

async function until(holds: () => boolean): Promise<void> {
  for (let count = 0; !holds() && count < 400; count++)
    await new Promise((done) => setTimeout(done, EVERY_MS));
}

/** Asks as often as the case says. */
async function play(port: number, index: number, { calls = 1 }: FaultCase): Promise<string> {
  let answer = '';
  for (let call = 1; call <= calls; call++) {
    answer = await askOnce(port, `c${index}`, `c${index}-${call}`);
    // A connection that the endpoint closes is seen to be closed a moment later.
    await new Promise((done) => setTimeout(done, 3 * EVERY_MS));
  }
  return answer;
}

test('listen() tells clients what Envoy tells them of endpoints that fail, and nothing stays under way', async (t) => {
  const endpoints = await openEndpoints(FAULT_CASES);
  const outcomes: RequestOutcome[] = [];
  const gateway = createGateway({
    config: textSource('rules.yaml', FAULT_CASES.map(rulesOf).join('\n---\n')),
    remoteServices: FAULT_CASES.map((each, index) => serviceOf(each, index, endpoints.ports[index]!)),
    metrics: { requestEnded: (outcome) => void outcomes.push(outcome) },
  });
  const { port } = await gateway.listen({ port: 0, servicePort: 80 });
  for (const [index, each] of FAULT_CASES.entries())
    await t.test(each.name, async () => {
      outcomes.length = 0;
      const answer = await play(port, index, each);
      await until(() => outcomes.length === (each.calls ?? 1));
      const flags = outcomes.at(-1)?.flag ?? '-';
      assert.deepEqual([answer, flags, endpoints.all[index]?.requests ?? 0], each.here ?? each.want);
    });
  assert.deepEqual(
    gateway.clusters().filter(({ endpoints }) => endpoints.some(({ active }) => active !== 0)),
    [],
  );
  await gateway.stop(0);
  await until(() => endpoints.all.every((each) => !each || each.open === 0));
  assert.deepEqual(
    endpoints.all.map((each) => each?.open ?? 0),
    FAULT_CASES.map(() => 0),
  );
  await endpoints.close();
});

test('Envoy tells clients so', { skip: skipWithout('envoy') }, async (t) => {
  const endpoints = await openEndpoints(FAULT_CASES);
  const envoy = await startFaultEnvoy(findPeer('envoy')!, FAULT_CASES, endpoints.ports);
  for (const [index, each] of FAULT_CASES.entries())
    await t.test(each.name, async () => {
      const answer = await play(envoy.port, index, each);
      const flags = await envoy.flagsOf(`c${index}-${each.calls ?? 1}`);
      assert.deepEqual([answer, flags, endpoints.all[index]?.requests ?? 0], each.want);
    });
  await envoy.stop();
  await endpoints.close();
});
