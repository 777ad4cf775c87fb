import assert from 'node:assert/strict';
import * as http from 'node:http';
import { test } from 'node:test';
import { type RequestOutcome, textSource } from '../../../gateway/index.ts';
import { ask, openGateway, remoteService, start } from '../world.ts';

const CALLS = 60;
const ANSWER_MS = 20;

/**
 * Fails all that it is asked: first tries once all have come, retries after a while and, with `refused`, not before it
 * resolves. Counts what retries were there at a time.
 */
async function openFailing(refused: Promise<void> | undefined) {
  let active = 0;
  const seen = { tries: 0, mostRetries: 0 };
  const first = Promise.withResolvers<void>();
  const server = http.createServer(async (request, response) => {
    const isRetry = request.headers['x-envoy-attempt-count'] !== '1';
    if (++seen.tries === CALLS) first.resolve();
    if (isRetry) seen.mostRetries = Math.max(seen.mostRetries, ++active);
    await first.promise;
    if (isRetry) {
      await refused;
      await new Promise((done) => setTimeout(done, ANSWER_MS));
      active--;
    }
    response.writeHead(503).end();
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
  for (const [name, policy, mostRetries] of [
    ['without one', 'loadBalancer: { simple: RANDOM }', undefined],
    ['maxRetries', 'connectionPool: { http: { maxRetries: 3 } }', 3],
    // A fifth of what is under way.
    ['a budget', 'retryBudget: { percent: 20, minRetryConcurrency: 2 }', CALLS / 5],
    ['a budget of the least', 'retryBudget: { percent: 0, minRetryConcurrency: 2 }', 2],
  ] as const)
    await t.test(name, async () => {
      // While no retry is answered, the first call to end is one whose retry was refused.
      const refused = Promise.withResolvers<void>();
      const server = await openFailing(mostRetries === undefined ? undefined : refused.promise);
      const outcomes: RequestOutcome[] = [];
      const { gateway, port } = await openGateway({
        remoteServices: [remoteService('echo', [server])],
        config: textSource('rules.yaml', rules(policy)),
        metrics: {
          requestEnded(outcome) {
            outcomes.push(outcome);
            refused.resolve();
          },
        },
      });
      const agent = new http.Agent({ keepAlive: false });
      const answers = await Promise.all(Array.from({ length: CALLS }, () => ask(port, { agent })));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [503]);
      const { tries, mostRetries: most } = server.seen;
      assert.ok(most >= 1 && most <= (mostRetries ?? CALLS), `${most} retries at a time`);
      assert.ok(tries > CALLS && tries <= CALLS * 6, `${tries} tries`);
      const flags = new Set(outcomes.map(({ flag }) => flag));
      assert.equal(flags.has('UO'), mostRetries !== undefined, [...flags].join());
      assert.ok(flags.has('URX'), [...flags].join());
      const left = gateway.clusters().flatMap(({ circuitBreaker }) => Object.values(circuitBreaker));
      assert.ok(left.every(({ active }) => active === 0));
      await gateway.stop(0);
      await server.kill();
    });
});
