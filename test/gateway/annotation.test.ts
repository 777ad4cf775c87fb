/** What annotations ask for beyond Istio, through a listener and through `fetch`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textSource } from '../../config/text.ts';
import { createGateway, type Gateway, type InProcessService } from '../../gateway/index.ts';
import { validRules } from './rules.ts';
import { ask } from './world.ts';

/** Answers with its version. */
const version = (name: string): InProcessService => ({
  host: 'greeter',
  port: 80,
  labels: { version: name },
  name,
  handler: { fetch: () => new Response(name) },
});

const rules = (annotations: string, weights: readonly [number, number]): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter, annotations: { ${annotations} } }
spec:
  hosts: [greeter]
  http:
    - route:
        - { destination: { host: greeter, subset: v1 }, weight: ${weights[0]} }
        - { destination: { host: greeter, subset: v2 }, weight: ${weights[1]} }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

/** The version that answers, by each of the ways into a gateway. */
type Asking = (headers: readonly (readonly [string, string])[]) => Promise<string>;

const ways: Readonly<Record<string, (gateway: Gateway) => Promise<Asking>>> = {
  'a listener': async (gateway) => {
    const { port } = await gateway.listen({ port: 0, servicePort: 80 });
    return async (headers) => (await ask(port, { headers: ['host', 'greeter', ...headers.flat()] })).body;
  },
  fetch: async (gateway) => async (headers) => {
    const list = headers.map(([name, value]): [string, string] => [name, value]);
    return (await gateway.fetch(new Request('http://greeter/', { headers: list }))).text();
  },
};

for (const [way, open] of Object.entries(ways))
  test(`a sticky split keeps users where they are while the weight grows, through ${way}`, async () => {
    const annotations = 'pointsman.dev/sticky-split: "header:x-user"';
    const gateway = createGateway({
      services: [version('v1'), version('v2')],
      config: textSource('rules.yaml', rules(annotations, [100, 0])),
    });
    const asking = await open(gateway);
    const users = Array.from({ length: 30 }, (_, user) => `user-${user}`);
    const all = () => Promise.all(users.map((user) => asking([['x-user', user]])));
    let before = await all();
    assert.deepEqual(new Set(before), new Set(['v1']));
    for (const percent of [20, 50, 80, 100]) {
      await gateway.config.apply(validRules(rules(annotations, [100 - percent, percent])));
      const now = await all();
      assert.deepEqual(await all(), now);
      assert.ok(before.every((was, user) => was === 'v1' || now[user] === 'v2'));
      before = now;
    }
    assert.deepEqual(new Set(before), new Set(['v2']));
    await gateway.stop(0);
  });

for (const [way, open] of Object.entries(ways))
  test(`a preview header reaches a subset of weight 0, for trusted clients alone, through ${way}`, async () => {
    const by = (from: string) =>
      `pointsman.dev/preview-header: x-preview, pointsman.dev/preview-from: "${from}"`;
    // Of a call through fetch no address is known.
    const trusted = way === 'fetch' ? 'namespace:default' : '127.0.0.0/8';
    const gateway = createGateway({
      services: [version('v1'), version('v2')],
      config: textSource('rules.yaml', rules(by(trusted), [100, 0])),
    });
    const asking = await open(gateway);
    assert.equal(await asking([]), 'v1');
    assert.equal(await asking([['x-preview', 'v2']]), 'v2');
    assert.equal(await asking([['x-preview', 'v3']]), 'v1');
    await gateway.config.apply(validRules(rules(by('192.0.2.0/24'), [100, 0])));
    assert.equal(
      await asking([
        ['x-preview', 'v2'],
        ['x-forwarded-for', '192.0.2.1'],
      ]),
      'v1',
    );
    await gateway.stop(0);
  });

const compared = (ignored: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: greeter
  annotations: { pointsman.dev/mirror-compare: all, pointsman.dev/mirror-ignore: "${ignored}" }
spec:
  hosts: [greeter]
  http:
    - route: [{ destination: { host: greeter, subset: v1 } }]
      mirror: { host: greeter, subset: v2 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

/** Answers with JSON that tells its version and what was asked. */
const telling = (name: string): InProcessService => ({
  ...version(name),
  handler: {
    fetch: async (request) =>
      Response.json(
        { version: name, asked: await request.text(), at: Math.random() },
        { headers: { 'x-pod': name } },
      ),
  },
});

async function until<T>(read: () => T, holds: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 500 && !holds(read()); tries++)
    await new Promise((done) => setTimeout(done, 2));
  return read();
}

const asks: Readonly<Record<string, (gateway: Gateway) => Promise<() => Promise<string>>>> = {
  'a listener': async (gateway) => {
    const { port } = await gateway.listen({ port: 0, servicePort: 80 });
    return async () =>
      (
        await ask(port, {
          method: 'POST',
          path: '/x?secret=1',
          headers: ['host', 'greeter', 'content-length', '2'],
          body: 'hi',
        })
      ).body;
  },
  fetch: async (gateway) => async () =>
    (await gateway.fetch(new Request('http://greeter/x?secret=1', { method: 'POST', body: 'hi' }))).text(),
};

for (const [way, open] of Object.entries(asks))
  test(`a mirror is compared field by field, through ${way}`, async () => {
    const gateway = createGateway({
      services: [telling('v1'), telling('v2')],
      config: textSource('rules.yaml', compared('field:at')),
    });
    const asking = await open(gateway);
    assert.match(await asking(), /"version":"v1","asked":"hi"/);
    const { counts, samples, skipped } = await until(
      () => gateway.mirrors(),
      (state) => state.counts.length > 0,
    );
    const [cluster, mirror] = ['v1', 'v2'].map(
      (subset) => `outbound|80|${subset}|greeter.default.svc.cluster.local`,
    );
    assert.deepEqual(
      [counts, skipped],
      [
        [
          {
            cluster,
            mirror,
            same: 0,
            different: 1,
            unknown: 0,
            kinds: { status: 0, header: 1, trailer: 0, body: 1 },
          },
        ],
        0,
      ],
    );
    assert.deepEqual(
      samples.map(({ time: _, ...rest }) => rest),
      [
        {
          cluster,
          mirror,
          method: 'POST',
          path: '/x',
          differences: [
            { kind: 'header', where: 'x-pod', main: 'v1', copy: 'v2' },
            { kind: 'body', where: 'version', main: '"v1"', copy: '"v2"' },
          ],
        },
      ],
    );
    await gateway.config.apply(validRules(compared('field:at, field:version, header:x-pod')));
    await asking();
    const after = await until(
      () => gateway.mirrors(),
      (state) => state.counts.some(({ same }) => same > 0),
    );
    assert.deepEqual([after.counts[0]?.same, after.counts[0]?.different], [1, 1]);
    await gateway.stop(0);
  });
