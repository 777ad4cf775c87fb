import assert from 'node:assert/strict';
import * as http from 'node:http';
import { test } from 'node:test';
import { type RequestOutcome, textSource } from '../../../gateway/index.ts';
import { ask, openGateway, remoteService, start } from '../world.ts';

const CALLS = 60;
const ANSWER_MS = 20;

/** Fails all that it is asked after a while, and counts what retries were there at a time. */
async function openFailing() {
  let active = 0;
  const seen = { tries: 0, mostRetries: 0 };
  const server = http.createServer((request, response) => {
    seen.tries++;
    const isRetry = request.headers['x-envoy-attempt-count'] !== '1';
    if (isRetry) seen.mostRetries = Math.max(seen.mostRetries, ++active);
    setTimeout(() => {
      if (isRetry) active--;
      response.writeHead(503).end();
    }, ANSWER_MS);
  });
  return { ...(await start(server)), seen };
}

const rules = (policy: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  http: [{ retries: { attempts: 5, retryOn: 5xx, backoff: 1ms }, route: [{ destination: { host: echo } }] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec: { host: echo, trafficPolicy: { ${policy} } }
`;

test('listen() lets a storm of retries grow no larger than its limit', async (t) => {
  for (const [name, policy, mostRetries, mostTries] of [
    ['without one', 'loadBalancer: { simple: RANDOM }', CALLS, CALLS * 6],
    ['maxRetries', 'connectionPool: { http: { maxRetries: 3 } }', 3, CALLS + 3 * 5],
    // A fifth of what is under way.
    ['a budget', 'retryBudget: { percent: 20, minRetryConcurrency: 2 }', CALLS / 5, CALLS * 2],
    ['a budget of the least', 'retryBudget: { percent: 0, minRetryConcurrency: 2 }', 2, CALLS + 2 * 5],
  ] as const)
    await t.test(name, async () => {
      const server = await openFailing();
      const outcomes: RequestOutcome[] = [];
      const { gateway, port } = await openGateway({
        remoteServices: [remoteService('echo', [server])],
        config: textSource('rules.yaml', rules(policy)),
        metrics: { requestEnded: (outcome) => void outcomes.push(outcome) },
      });
      const agent = new http.Agent({ keepAlive: false });
      const answers = await Promise.all(Array.from({ length: CALLS }, () => ask(port, { agent })));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [503]);
      assert.ok(
        server.seen.mostRetries >= 1 && server.seen.mostRetries <= mostRetries,
        `${server.seen.mostRetries}`,
      );
      assert.ok(server.seen.tries > CALLS && server.seen.tries <= mostTries, `${server.seen.tries} tries`);
      const isLimited = mostTries < CALLS * 6;
      const flags = new Set(outcomes.map(({ flag }) => flag));
      assert.ok(flags.has('URX') && flags.has('UO') === isLimited, [...flags].join());
      const left = gateway.clusters().flatMap(({ circuitBreaker }) => Object.values(circuitBreaker));
      assert.ok(left.every(({ active }) => active === 0));
      await gateway.stop(0);
      await server.kill();
    });
});
