import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigStore } from '../../../../config/store.ts';
import { textSource } from '../../../../config/text.ts';
import { send } from '../../../../gateway/admin/console/send.ts';
import { type AdminOptions, createAdmin } from '../../../../gateway/admin/index.ts';
import { createGateway } from '../../../../gateway/index.ts';
import { TrafficCount } from '../../../../gateway/telemetry/traffic-count.ts';

const rule = (subset: string, name = 'shop'): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}]
  http:
    - route: [{ destination: { host: shop, subset: ${subset} } }]
`;
const SUBSETS = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

/** A gateway with two versions of a shop, and the console on its admin port. */
async function served(options: AdminOptions = { loopback: true }) {
  const traffic = new TrafficCount();
  const gateway = createGateway({
    config: textSource('rules.yaml', rule('v1') + SUBSETS),
    services: ['v1', 'v2'].map((version) => ({
      host: 'shop',
      port: 80,
      labels: { version },
      handler: { fetch: async (request: Request) => new Response(`${version} ${await request.text()}`) },
    })),
    metrics: traffic,
  });
  await gateway.ready();
  const app = createAdmin(
    {
      store: gateway.config,
      readiness: () => 'ready',
      servicePorts: () => gateway.servicePorts(),
      explain: (request) => gateway.explain(request),
      ports: () => [],
      compileIssues: () => gateway.issues(),
      clusters: () => gateway.clusters(),
      mirrors: () => gateway.mirrors(),
      table: () => gateway.table(),
      traffic,
      send: async (request) => gateway.fetch(request),
      metrics: async () => ({ contentType: 'text/plain', text: '' }),
    },
    options,
  );
  const ask: Ask = async (path, init) => app.request(`http://localhost:9901${path}`, init);
  return { ask, gateway };
}

const post = (body: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(body) });
const json = async (answer: Response | Promise<Response>) => (await answer).json();

test('the page loads nothing but its own script and style, under a policy that allows no more', async () => {
  const { ask, gateway } = await served();
  const page = await ask('/');
  const text = await page.text();
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(text, /<style|style=|<script>|\son\w+=|https?:/);
  for (const [, path = ''] of text.matchAll(/(?:src|href)="(\/console[^"]*)"/g)) {
    const answer = await ask(path);
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/(javascript|css); charset=utf-8$/);
    const size = (await answer.text()).length;
    assert.ok(size > 1000 && size <= 150_000, `${path}: ${size} bytes`);
  }
  await gateway.stop();
});

test('POST /console/send answers with what came back, and the traffic is counted on its rule', async () => {
  const { ask, gateway } = await served();
  const sent = await json(
    ask(
      '/console/send',
      post({ method: 'POST', url: 'http://shop/a?b=1', headers: [['user', 'x']], body: 'hi' }),
    ),
  );
  assert.deepEqual([sent.status, sent.body, sent.isCut], [200, 'v1 hi', false]);
  const { hosts, revision } = await json(ask('/console/rules'));
  const report = await json(ask('/console/traffic'));
  assert.equal(report.revision, revision);
  assert.deepEqual(
    report.rules.map(({ id, count }: { id: string; count: number }) => [id, count]),
    [[hosts[0].rules[0].id, 1]],
  );
  await gateway.stop();
});

test('POST /console/send sends and tells text beyond ASCII as UTF-8', async () => {
  const seen: (string | null)[] = [];
  const sent = await send(
    { method: 'GET', url: 'http://shop/', headers: [['x-name', 'Zoë']], body: '' },
    async (request) => {
      seen.push(request.headers.get('x-name'));
      return new Response('', { headers: { 'x-answer': 'gr\xc3\xbc\xc3\x9f' } });
    },
  );
  assert.deepEqual(seen, ['Zo\xc3\xab'], 'a byte a character');
  assert.deepEqual(
    sent.headers.filter(([name]) => name === 'x-answer'),
    [['x-answer', 'grüß']],
  );
});

test('POST /console/send refuses what no request can be, with a reason', async () => {
  const { ask, gateway } = await served();
  const good = { method: 'GET', url: 'http://shop/', headers: [], body: '' };
  const cases: readonly (readonly [body: unknown, reason: RegExp])[] = [
    [{}, /^Cannot send: /],
    [{ ...good, url: 'file:///etc/passwd' }, /url/],
    [{ ...good, method: 'A B' }, /no HTTP method/],
    [{ ...good, body: 'of a GET' }, /^Cannot send: /],
    [{ ...good, headers: [['a b', 'c']] }, /^Cannot send: /],
    [{ ...good, extra: 1 }, /extra/],
  ];
  for (const [body, reason] of cases) {
    const answer = await ask('/console/send', post(body));
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match((await json(answer)).error, reason);
  }
  await gateway.stop();
});

test('POST /console/review tells the verdict and which requests move, and changes nothing', async () => {
  const { ask, gateway } = await served();
  const { version } = gateway.config.current();
  const review = await json(ask('/console/review', { method: 'POST', body: rule('v2') }));
  assert.equal(review.isValid, true);
  assert.deepEqual(review.verdicts, [{ name: 'VirtualService shop', istio: true, cluster: true }]);
  assert.match(review.difference, /shop: all requests\n {2}all of them go to v2 instead of v1/);
  const refused = await json(
    ask('/console/review', { method: 'POST', body: rule('v2').replace('route:', 'rout:') }),
  );
  assert.equal(refused.isValid, false);
  assert.deepEqual(
    refused.issues.slice(0, 1).map(({ code, line }: { code: string; line: number }) => [code, line]),
    [['unknown-field', 7]],
  );
  const missing = await json(ask('/console/review', { method: 'POST', body: rule('v3') }));
  assert.ok(missing.issues.some(({ code }: { code: string }) => code === 'subset-missing'));
  assert.equal((await json(ask('/console/review', { method: 'POST', body: '' }))).isValid, false);
  assert.equal(gateway.config.current().version, version);
  await gateway.stop();
});

test('PUT /resources with if-match tells the second of two editors, and loses nothing of the first', async () => {
  const { ask, gateway } = await served();
  const etag = (await ask('/console/text/VirtualService/default/shop')).headers.get('etag')!;
  const put = (text: string) =>
    ask('/resources', { method: 'PUT', body: text, headers: { 'if-match': etag } });
  const [first, second] = await Promise.all([put(rule('v2')), put(rule('v1', 'other'))]);
  assert.deepEqual([first.status, second.status].sort(), [200, 412]);
  const loser = first.status === 412 ? first : second;
  const { error, version } = await json(loser);
  assert.match(error, /^Cannot change the rules: they have changed meanwhile/);
  assert.equal(version, gateway.config.current().version);
  assert.equal(`"${version - 1}"`, etag);
  const refused = await ask('/resources', {
    method: 'PUT',
    body: 'kind: Nothing',
    headers: { 'if-match': `"${version}"` },
  });
  assert.ok(refused.status >= 400);
  assert.equal(gateway.config.current().version, version);
  assert.equal(
    (await ask('/resources', { method: 'PUT', body: rule('v1'), headers: { 'if-match': '*' } })).status,
    412,
  );
  await gateway.stop();
});

test('POST /console/restore goes back to a version, and follows a file again that was covered', async () => {
  const { ask, gateway } = await served();
  const { version } = gateway.config.current();
  const answerOf = async () => (await gateway.fetch(new Request('http://shop/'))).text();
  await ask('/resources', { method: 'PUT', body: `${rule('v2')}---\n${rule('v1', 'new')}` });
  assert.equal(await answerOf(), 'v2 ');
  const at = gateway.config.current().version;
  const { versions } = await json(ask('/console/history'));
  assert.deepEqual(versions[0].changes, [
    { key: 'VirtualService/default/shop', change: 'changed', source: 'apply' },
    { key: 'VirtualService/default/new', change: 'added', source: 'apply' },
  ]);
  assert.equal((await ask('/console/restore', post({ version, at: at - 1 }))).status, 412);
  assert.equal((await ask('/console/restore', post({ version: 999, at }))).status, 404);
  assert.equal((await ask('/console/restore', post({ version }))).status, 400);
  assert.equal(await answerOf(), 'v2 ');
  assert.equal((await ask('/console/restore', post({ version, at }))).status, 200);
  assert.equal(await answerOf(), 'v1 ');
  const { resources, states } = gateway.config.current();
  assert.equal(resources.length, 2);
  assert.ok(states.every(({ state, source }) => state === 'active' && source === 'rules.yaml'));
  // And forth again, to what was applied.
  assert.equal((await ask('/console/restore', post({ version: at, at: at + 1 }))).status, 200);
  assert.equal(await answerOf(), 'v2 ');
  await gateway.stop();
});

test('with a token the page loads, and nothing that it shows does without', async () => {
  const { ask, gateway } = await served({ loopback: false, token: 'secret' });
  for (const path of ['/', '/console/script.js', '/console/style.css'])
    assert.equal((await ask(path)).status, 200, path);
  for (const path of ['/console/rules', '/console/traffic', '/console/history', '/console/text/a/b/c'])
    assert.equal((await ask(path)).status, 401, path);
  const headers = { authorization: 'Bearer secret' };
  assert.equal((await ask('/console/traffic', { headers })).status, 200);
  assert.equal((await ask('/console/send', post({}))).status, 401);
  await gateway.stop();
});

test('no page of another site makes the console send or change anything', async () => {
  const { ask, gateway } = await served();
  for (const path of ['/console/send', '/console/restore', '/console/review']) {
    const answer = await ask(path, { ...post({}), headers: { origin: 'http://evil.example' } });
    assert.equal(answer.status, 403, path);
  }
  await gateway.stop();
});

test('ConfigStore.changeAt() deletes and lays in one snapshot, or does nothing at another version', async () => {
  const store = new ConfigStore([textSource('rules.yaml', rule('v1'))]);
  await store.start();
  const versions: number[] = [];
  store.subscribe(({ version }) => versions.push(version));
  const [shop] = store.current().resources;
  const other = { ...shop!, metadata: { ...shop!.metadata, name: 'other' } } as typeof shop & object;
  const plan = () => ({ remove: ['VirtualService/default/shop'], lay: [other] });
  assert.equal(await store.changeAt(7, plan), undefined);
  assert.deepEqual(versions, []);
  const result = await store.changeAt(1, plan);
  assert.deepEqual(result?.resources, [{ key: 'VirtualService/default/other', outcome: 'created' }]);
  assert.deepEqual(
    store.current().resources.map(({ metadata }) => metadata.name),
    ['other'],
  );
  assert.deepEqual(versions, [2]);
});
