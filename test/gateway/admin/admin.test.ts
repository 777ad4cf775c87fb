import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigStore } from '../../../config/store.ts';
import { textSource } from '../../../config/text.ts';
import { type AdminOptions, type AdminTarget, createAdmin } from '../../../gateway/admin/index.ts';
import { MAX_RESOURCE_BYTES } from '../../../gateway/admin/resource.ts';
import { TrafficCount } from '../../../gateway/telemetry/traffic-count.ts';
import { compile, type RouteRequest } from '../../../router/index.ts';

const KEY = '/resources/VirtualService/default/greeter';

function rule(subset: string, name = 'greeter'): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
spec:
  hosts: [greeter]
  http:
    - route:
        - destination:
            host: greeter
            subset: ${subset}
`;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it, it asserts
  readonly json: any;
}

type Ask = (path: string, init?: RequestInit & { headers?: Record<string, string> }) => Promise<Answer>;

/** An admin app over a store with one rule, and the last request that was to be explained. */
async function admin(
  options: AdminOptions = { loopback: true },
  target: Partial<AdminTarget> = {},
): Promise<{ ask: Ask; store: ConfigStore; explained: RouteRequest[] }> {
  const store = new ConfigStore([textSource('rules.yaml', rule('v1'))]);
  await store.start();
  const explained: RouteRequest[] = [];
  const app = createAdmin(
    {
      store,
      readiness: () => 'ready',
      servicePorts: () => [20000, 8080],
      explain(request) {
        explained.push(request);
        return { tried: [], outcomes: [], chances: [] };
      },
      ports: () => [],
      compileIssues: () => [],
      clusters: () => [{ name: 'outbound|20000|v1|greeter.default.svc.cluster.local' }],
      mirrors: () => ({ counts: [], skipped: 0, samples: [] }),
      table: () => undefined,
      traffic: new TrafficCount(),
      send: async () => new Response('sent'),
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: '# TYPE a counter\na 1\n' }),
      ...target,
    },
    options,
  );
  const ask: Ask = async (path, init = {}) => {
    const headers = { host: 'localhost:9901', ...init.headers };
    const response = await app.request(`http://localhost:9901${path}`, { ...init, headers });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson ? JSON.parse(text) : undefined,
    };
  };
  return { ask, store, explained };
}

test('createAdmin() answers /healthz, and /readyz with 503 and the reason while not ready', async () => {
  let readiness: ReturnType<AdminTarget['readiness']> = {
    reason: 'the first configuration is not loaded yet',
  };
  const { ask } = await admin({ loopback: true }, { readiness: () => readiness });
  assert.equal((await ask('/healthz')).status, 200);
  const starting = await ask('/readyz');
  assert.equal(starting.status, 503);
  assert.match(starting.text, /the first configuration is not loaded yet/);
  readiness = 'ready';
  assert.equal((await ask('/readyz')).status, 200);
});

test('createAdmin() serves /metrics with the type of the registry', async () => {
  const { ask } = await admin();
  const { status, headers, text } = await ask('/metrics');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4');
  assert.equal(text, '# TYPE a counter\na 1\n');
});

test('createAdmin() tells in /config what is in effect, since when, and what is wrong where', async () => {
  const { ask, store } = await admin(
    { loopback: true },
    {
      compileIssues: () => [{ code: 'unreachable-rule', severity: 'warning', message: 'Never taken' }],
    },
  );
  const { json } = await ask('/config');
  assert.equal(json.version, store.current().version);
  const [{ since, ...state }] = json.resources;
  assert.deepEqual(state, {
    key: 'VirtualService/default/greeter',
    source: 'rules.yaml',
    file: 'rules.yaml',
    line: 1,
    state: 'active',
    issues: [],
  });
  assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000);
  assert.deepEqual(
    json.issues.map(({ code }: { code: string }) => code),
    ['unreachable-rule'],
  );
});

test('createAdmin() tells in /config how a control plane stands, and lets nobody change its rules', async () => {
  const state = {
    state: 'disconnected' as const,
    since: '2026-11-25T00:00:00.000Z',
    reason: 'connect ECONNREFUSED 127.0.0.1:15010',
  };
  const { table } = compile([]);
  const store = new ConfigStore([
    {
      name: 'xds://localhost:15010',
      async start(onSnapshot, _signal, onState) {
        onState?.(state);
        onSnapshot({ resources: [], issues: [], refused: [], unreadable: [], table });
      },
    },
  ]);
  await store.start();
  const { ask } = await admin({ loopback: true }, { store });
  assert.deepEqual((await ask('/config')).json.sources, [{ name: 'xds://localhost:15010', ...state }]);
  for (const init of [{ method: 'PUT', body: rule('v2') }, { method: 'DELETE' }]) {
    const answer = await ask(KEY, init);
    assert.equal(answer.status, 409);
    assert.match(answer.json.error, /^Cannot change resources here: the rules come from a control plane/);
  }
});

test('createAdmin() lists clusters, links every endpoint on its page, and knows no other path', async () => {
  const { ask } = await admin();
  assert.equal(
    (await ask('/clusters')).json.clusters[0].name,
    'outbound|20000|v1|greeter.default.svc.cluster.local',
  );
  const page = await ask('/');
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  for (const path of ['/config', '/resources', '/clusters', '/mirrors', '/metrics', '/healthz', '/readyz'])
    assert.ok(page.text.includes(`href="${path}"`), path);
  assert.equal((await ask('/nothing')).status, 404);
});

test('createAdmin() answers 405 to a method that a path does not take, and says which it takes', async () => {
  const { ask } = await admin();
  const cases: readonly (readonly [method: string, path: string, allow: string])[] = [
    ['POST', '/healthz', 'GET, HEAD'],
    ['POST', '/resources/VirtualService/default/greeter', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', '/resources', 'GET, HEAD, PUT, DELETE'],
  ];
  for (const [method, path, allow] of cases) {
    const { status, headers, json } = await ask(path, { method });
    assert.deepEqual([status, headers.get('allow')], [405, allow], path);
    assert.equal(json.error, `Cannot ${method} ${path}: it takes ${allow}`);
  }
  assert.equal((await ask('/resources/VirtualService/default/none', { method: 'DELETE' })).status, 404);
});

test('createAdmin() makes a request of the query of /explain', async () => {
  const { ask, explained } = await admin();
  const query = new URLSearchParams([
    ['url', 'https://greeter.shop:8443/api.Greeter/SayHello?x=1'],
    ['method', 'POST'],
    ['header', 'User: admin'],
    ['header', 'user:  second'],
  ]);
  assert.equal((await ask(`/explain?${query}`)).status, 200);
  assert.deepEqual(explained, [
    {
      method: 'POST',
      scheme: 'https',
      authority: 'greeter.shop:8443',
      path: '/api.Greeter/SayHello?x=1',
      headers: [
        ['user', 'admin'],
        ['user', 'second'],
      ],
      port: 20000,
    },
  ]);
  await ask('/explain?url=greeter&port=8080');
  assert.deepEqual(explained[1], {
    method: 'GET',
    scheme: 'http',
    authority: 'greeter',
    path: '/',
    headers: [],
    port: 8080,
  });
});

test('createAdmin() explains no request with a method that cannot be one', async () => {
  const { ask, explained } = await admin();
  const { status, json } = await ask('/explain?url=http://greeter/&method=GE%20T');
  assert.equal(status, 400);
  assert.match(String(json.error), /"GE T" is no method; write it like POST/);
  assert.deepEqual(explained, []);
});

test('createAdmin() explains nothing before rules are loaded', async () => {
  const { ask } = await admin({ loopback: true }, { explain: () => undefined });
  const { status, json } = await ask('/explain?url=http://greeter/');
  assert.equal(status, 503);
  assert.match(json.error, /^Cannot explain yet: no rules have been loaded; \/readyz tells/);
});

test('createAdmin() makes bytes of what the query of /explain has beyond ASCII, and tells them as text', async () => {
  const { ask, explained } = await admin();
  const query = new URLSearchParams([
    ['url', 'http://bücher/café?dish=crème'],
    ['header', 'user: Zoë'],
  ]);
  const { json } = await ask(`/explain?${query}`);
  const answer = json as { request: RouteRequest };
  const path = '/caf%c3%a9?dish=cr\xc3\xa8me';
  assert.deepEqual(explained, [
    {
      method: 'GET',
      scheme: 'http',
      authority: 'xn--bcher-kva',
      path,
      headers: [['user', 'Zo\xc3\xab']],
      port: 20000,
      http2: true,
    },
  ]);
  assert.deepEqual(answer.request.headers, [['user', 'Zoë']]);
  assert.equal(answer.request.path, '/caf%c3%a9?dish=crème');
});

test('createAdmin() explains in words for a client that wants text', async () => {
  const { ask } = await admin();
  const { headers } = await ask('/explain?url=http://greeter/', { headers: { accept: 'text/plain' } });
  assert.match(headers.get('content-type') ?? '', /^text\/plain/);
});

test('createAdmin() refuses a query of /explain that names no request, with a reason', async () => {
  const { ask } = await admin();
  for (const query of ['', '?url=', '?url=http://', '?url=a&port=70000', '?url=a&header=nothing']) {
    const { status, json } = await ask(`/explain${query}`);
    assert.equal(status, 400, query);
    assert.match(json.error, /^Cannot explain/);
  }
});

test('PUT /resources takes YAML and JSON, and says created, configured or unchanged', async () => {
  const { ask } = await admin();
  const put = async (path: string, body: string) => {
    const { status, json } = await ask(path, { method: 'PUT', body });
    return [status, json.outcome];
  };
  assert.deepEqual(await put(KEY, rule('v1')), [200, 'unchanged']);
  assert.deepEqual(await put(KEY, rule('v2')), [200, 'configured']);
  const { json } = await ask(KEY);
  assert.equal(json.spec.http[0].route[0].destination.subset, 'v2');
  json.spec.http[0].route[0].destination.subset = 'v3';
  assert.deepEqual(await put(KEY, JSON.stringify(json)), [200, 'configured']);
  assert.deepEqual(await put(KEY.replace('greeter', 'other'), rule('v1', 'other')), [201, 'created']);
  const listed = (await ask('/resources')).json.resources;
  assert.deepEqual(
    listed.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ['greeter', 'other'],
  );
});

test('PUT /resources refuses what is not valid with its issues, and leaves what is in effect', async () => {
  const { ask, store } = await admin();
  const before = store.current();
  for (const [body, code] of [
    [rule('v2').replace('hosts:', 'hots:'), 'unknown-field'],
    [rule('[').replace('subset: [', 'subset: ['), 'yaml-syntax'],
  ]) {
    const { status, json } = await ask(KEY, { method: 'PUT', body: body ?? '' });
    assert.equal(status, 422);
    const issue = json.issues.find((found: { code: string }) => found.code === code);
    assert.ok(issue, `${code} among ${JSON.stringify(json.issues)}`);
    assert.equal(typeof issue.line, 'number');
    assert.equal(typeof issue.column, 'number');
  }
  assert.equal(store.current(), before);
});

test('PUT /resources wants exactly the resource that its path names', async () => {
  const { ask } = await admin();
  for (const body of ['', rule('v2', 'other'), `${rule('v2')}---\n${rule('v2', 'other')}`]) {
    const { status, json } = await ask(KEY, { method: 'PUT', body });
    assert.equal(status, 400, body);
    assert.match(json.error, /VirtualService\/default\/greeter/);
  }
});

test('PUT /resources refuses a body over its limit, whether or not it says its length', async () => {
  const { ask } = await admin();
  const large = `${rule('v2')}# ${'x'.repeat(MAX_RESOURCE_BYTES)}\n`;
  assert.equal((await ask(KEY, { method: 'PUT', body: large })).status, 413);
  const stream = new Blob([large]).stream();
  const chunked = { method: 'PUT', body: stream, duplex: 'half' } as RequestInit & {
    headers?: Record<string, string>;
  };
  assert.equal((await ask(KEY, chunked)).status, 413);
});

test('PUT /resources takes several resources as one change', async () => {
  const { ask, store } = await admin();
  const versions: number[] = [];
  store.subscribe(({ version, resources }) => versions.push(version, resources.length));
  const { version } = store.current();
  const body = [rule('v2'), rule('v1', 'one'), rule('v1', 'two')].join('---\n');
  const { status, json } = await ask('/resources', { method: 'PUT', body });
  assert.equal(status, 200);
  assert.deepEqual(json, {
    resources: [
      { key: 'VirtualService/default/greeter', outcome: 'configured' },
      { key: 'VirtualService/default/one', outcome: 'created' },
      { key: 'VirtualService/default/two', outcome: 'created' },
    ],
    issues: [],
  });
  assert.deepEqual(versions, [version + 1, 3]);
});

test('PUT /resources takes none of several when one is refused, or none is there', async () => {
  const { ask, store } = await admin();
  const before = store.current();
  const put = (body: string) => ask('/resources', { method: 'PUT', body });
  const refused = await put(`${rule('v2')}---\n${rule('v1', 'two').replace('hosts:', 'hots:')}`);
  assert.equal(refused.status, 422);
  assert.match(refused.json.error, /nothing was changed/);
  assert.ok(
    refused.json.issues.some(({ code, line }: { code: string; line: number }) => code && line === 18),
    refused.text,
  );
  assert.equal((await put(`${rule('v2')}---\n${rule('v3')}`)).status, 422);
  assert.equal((await put('apiVersion: v1\nkind: Service\nmetadata: {name: a}\n')).status, 400);
  assert.equal((await put('')).status, 400);
  assert.equal((await put(`# ${'x'.repeat(8 * 1024 * 1024)}\n`)).status, 413);
  assert.equal(store.current(), before);
});

test('DELETE /resources takes several away as one change, and says which were not there', async () => {
  const { ask, store } = await admin();
  await ask('/resources', { method: 'PUT', body: rule('v1', 'one') });
  const { version } = store.current();
  const keys = ['one', 'none', 'greeter'].map((name) => `VirtualService/default/${name}`);
  const { status, json } = await ask('/resources', { method: 'DELETE', body: JSON.stringify({ keys }) });
  assert.equal(status, 200);
  assert.deepEqual(json.resources, [
    { key: keys[0], outcome: 'deleted' },
    { key: keys[1], outcome: 'not-found' },
    { key: keys[2], outcome: 'deleted', hidden: 'rules.yaml:1' },
  ]);
  assert.deepEqual([store.current().version, store.current().resources], [version + 1, []]);
  for (const body of ['', '{', '{}', '{"keys":[]}', '{"keys":["a/b"]}', '{"keys":["a/b/c"],"all":true}'])
    assert.equal((await ask('/resources', { method: 'DELETE', body })).status, 400, body);
});

test('DELETE /resources takes away and says what is in effect instead', async () => {
  const { ask, store } = await admin();
  await ask(KEY, { method: 'PUT', body: rule('v2') });
  const first = await ask(KEY, { method: 'DELETE' });
  assert.deepEqual(first.json, {
    key: 'VirtualService/default/greeter',
    outcome: 'deleted',
    restored: 'rules.yaml:1',
  });
  const second = await ask(KEY, { method: 'DELETE' });
  assert.deepEqual(second.json, {
    key: 'VirtualService/default/greeter',
    outcome: 'deleted',
    hidden: 'rules.yaml:1',
  });
  assert.equal((await ask(KEY, { method: 'DELETE' })).status, 404);
  assert.equal((await ask(KEY)).status, 404);
  assert.deepEqual(store.current().resources, []);
});

test('createAdmin() on loopback refuses every foreign Host, however it is spelt', async () => {
  const { ask } = await admin();
  for (const host of [
    'evil.example',
    'evil.example:9901',
    '10.0.0.1:9901',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'a@localhost',
    '',
  ]) {
    for (const path of ['/config', '/resources', '/explain?url=a', '/clusters', '/mirrors', '/']) {
      assert.equal((await ask(path, { headers: { host } })).status, 403, `${host} ${path}`);
    }
    assert.equal((await ask(KEY, { method: 'PUT', body: rule('v2'), headers: { host } })).status, 403, host);
  }
});

test('createAdmin() on loopback answers to each of its own names', async () => {
  const { ask } = await admin();
  for (const host of [
    'localhost',
    'localhost:1234',
    'LOCALHOST:9901',
    'localhost.:9901',
    '127.0.0.1:9901',
    '127.8.8.8',
    '[::1]:9901',
  ])
    assert.equal((await ask('/config', { headers: { host } })).status, 200, host);
});

test('createAdmin() refuses to change anything for a page of a foreign origin', async () => {
  const { ask, store } = await admin();
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'http://localhost:3000' },
    { origin: 'null' },
    { origin: '' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[]) {
    for (const method of ['PUT', 'DELETE', 'POST']) {
      const body = method === 'DELETE' ? {} : { body: rule('v2') };
      const { status } = await ask(KEY, { method, headers, ...body });
      assert.equal(status, 403, `${method} ${JSON.stringify(headers)}`);
    }
  }
  assert.equal(store.current().version, 1);
  const own = { origin: 'http://localhost:9901', 'sec-fetch-site': 'same-origin' };
  assert.equal((await ask(KEY, { method: 'PUT', body: rule('v2'), headers: own })).status, 200);
});

test('createAdmin() never allows another origin to read or to preflight', async () => {
  const { ask } = await admin();
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
  for (const method of ['OPTIONS', 'GET']) {
    const answer = await ask(method === 'GET' ? '/config' : KEY, { method, headers });
    assert.equal(answer.headers.get('access-control-allow-origin'), null, method);
  }
});

test('createAdmin() with a token wants it for all but health and metrics', async () => {
  for (const loopback of [true, false]) {
    const { ask } = await admin({ loopback, token: 'correct horse'.replace(' ', '-') });
    for (const path of ['/healthz', '/readyz', '/metrics']) assert.equal((await ask(path)).status, 200, path);
    for (const authorization of [
      undefined,
      'Bearer wrong',
      'Bearer correct-hors',
      'Basic correct-horse',
      'Bearer ',
    ]) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      for (const init of [{ headers }, { method: 'DELETE', headers }]) {
        const { status, text, headers: answered } = await ask(KEY, init);
        assert.equal(status, 401, `${authorization}`);
        assert.match(answered.get('www-authenticate') ?? '', /^Bearer/);
        assert.ok(!text.includes('correct-horse'), 'the answer gives no token away');
      }
    }
    const headers = { authorization: 'Bearer correct-horse' };
    assert.equal((await ask(KEY, { headers })).status, 200);
    assert.equal((await ask(KEY, { method: 'DELETE', headers })).status, 200);
  }
});

test('createAdmin() off loopback without a token shows, and changes nothing', async () => {
  const { ask, store } = await admin({ loopback: false });
  const headers = { host: '10.1.2.3:9901' };
  assert.equal((await ask('/config', { headers })).status, 200);
  const { status, json } = await ask(KEY, { method: 'PUT', body: rule('v2'), headers });
  assert.equal(status, 403);
  assert.match(json.error, /token/);
  assert.equal(store.current().version, 1);
});

test('createAdmin() off loopback lets probes come by any name, and others by address or with the token', async () => {
  const { ask } = await admin({ loopback: false, token: 'secret' });
  const named = { host: 'pointsman.prod.svc:9901' };
  for (const path of ['/healthz', '/readyz', '/metrics'])
    assert.equal((await ask(path, { headers: named })).status, 200, path);
  assert.equal((await ask('/config', { headers: named })).status, 403);
  assert.equal((await ask('/config', { headers: { ...named, authorization: 'Bearer secret' } })).status, 200);
});
