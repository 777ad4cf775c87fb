/**
 * A hundred cases of the corpus as rules of a real istiod, which a gateway and a stock Envoy follow side by side. All that
 * a sidecar can be in are in `test/long/sidecar.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { CLIENT, runSidecarCase } from './sidecar-mode.ts';
import { compareSidecars, sidecarCases } from './sidecar-mode-run.ts';
import { SidecarWorld } from './sidecar-mode-world.ts';

const skip = skipWithout('istiod-file') || skipWithout('envoy');
const cases = sidecarCases();
const some = cases.filter(
  (_, index) => Math.floor((index * 100) / cases.length) !== Math.floor(((index - 1) * 100) / cases.length),
);

test(
  `the gateway sends the requests of ${some.length} cases where a stock Envoy on the same istiod sends them`,
  {
    skip,
    timeout: 250_000,
  },
  () => compareSidecars(some),
);

test('runSidecarCase() notices a request that goes elsewhere', { skip, timeout: 60_000 }, async () => {
  const world = await SidecarWorld.open(CLIENT);
  try {
    const recorded = cases.find(({ name }) => name === 'match-and')!;
    const changed: Pick<SidecarWorld, 'use' | 'ask'> = {
      use: (each) => world.use(each),
      ask: (side, requests) =>
        world.ask(
          side,
          requests.map(({ id, request }) => ({
            id,
            request: side === 'own' ? { ...request, method: 'PUT', headers: [] } : request,
          })),
        ),
    };
    const { differences } = await runSidecarCase(recorded, changed);
    assert.notEqual(differences.length, 0);
  } finally {
    await world.close();
  }
});
