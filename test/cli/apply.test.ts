import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { parse } from 'yaml';
import { ConfigStore } from '../../config/store.ts';
import { textSource } from '../../config/text.ts';
import { type AdminOptions, createAdmin } from '../../gateway/admin/index.ts';
import { TrafficCount } from '../../gateway/telemetry/traffic-count.ts';
import { pointsman } from './program.ts';

const CANARY = 'deploy/istio/scenarios/canary-90-10.yaml';

const RULES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: dubbo-go-server
spec:
  hosts: [dubbo-go-server]
  http:
    - route:
        - destination:
            host: dubbo-go-server
            subset: v1
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
  namespace: shop
spec:
  host: reviews
  subsets:
    - name: "on"
      labels:
        version: "yes"
`;

interface Served {
  readonly store: ConfigStore;
  /** Runs a command against the admin port. */
  run: (
    args: readonly string[],
    options?: { stdin?: string; env?: Record<string, string> },
  ) => ReturnType<typeof pointsman>;
}

/** An admin port on a socket, over a store that holds {@link RULES}. */
async function served(options: AdminOptions, body: (served: Served) => Promise<void>): Promise<void> {
  const store = new ConfigStore([textSource('rules.yaml', RULES)]);
  await store.start();
  const admin = createAdmin(
    {
      store,
      readiness: () => 'ready',
      servicePorts: () => [],
      explain: () => ({ tried: [], outcomes: [], chances: [] }),
      ports: () => [],
      compileIssues: () => [],
      clusters: () => [],
      mirrors: () => ({}),
      table: () => undefined,
      traffic: new TrafficCount(),
      send: async () => new Response(),
      metrics: async () => ({ contentType: 'text/plain', text: '' }),
    },
    options,
  );
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = 'GET', headers } = request;
    const text = Buffer.concat(chunks).toString();
    const answer = await admin.request(`http://${headers.host}${request.url}`, {
      method,
      headers: headers as Record<string, string>,
      ...(text !== '' && { body: text }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(await answer.text());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  try {
    await body({ store, run: (args, rest) => pointsman([...args, '--admin', `127.0.0.1:${port}`], rest) });
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await store.stop();
  }
}

test("apply speaks kubectl's words: configured, unchanged, created", async () => {
  await served({ loopback: true }, async ({ run, store }) => {
    const first = await run(['apply', '-f', CANARY]);
    assert.deepEqual(first, {
      code: 0,
      stdout: 'virtualservice.networking.istio.io/dubbo-go-server configured\n',
      stderr: '',
    });
    assert.equal(
      (await run(['apply', '-f', CANARY])).stdout,
      'virtualservice.networking.istio.io/dubbo-go-server unchanged\n',
    );
    assert.equal(
      (await run(['apply', '-f', 'deploy/istio/destinationrule.yaml'])).stdout,
      'destinationrule.networking.istio.io/dubbo-go-server created\n',
    );
    const [rule] = store.current().resources.filter(({ kind }) => kind === 'VirtualService');
    assert.equal(rule?.kind === 'VirtualService' && rule.spec.http?.[0]?.route?.[1]?.weight, 10);
  });
});

test('apply reads standard input, and puts subsets before the rules that name them', async () => {
  await served({ loopback: true }, async ({ run }) => {
    const stdin = RULES.replace('name: dubbo-go-server', 'name: new').replace('name: reviews', 'name: new');
    const { code, stdout } = await run(['apply', '-f', '-'], { stdin });
    assert.equal(code, 0);
    assert.equal(
      stdout,
      'destinationrule.networking.istio.io/new -n shop created\nvirtualservice.networking.istio.io/new created\n',
    );
  });
});

test('apply checks first: it refuses what is wrong with its place, applies the rest, and exits 1', async () => {
  await served({ loopback: true }, async ({ run, store }) => {
    const stdin = RULES.replace('hosts:', 'hots:').replace('version: "yes"', 'version: "no"');
    const { code, stdout, stderr } = await run(['apply', '-f', '-'], { stdin });
    assert.equal(code, 1);
    assert.equal(stdout, 'destinationrule.networking.istio.io/reviews -n shop configured\n');
    assert.match(stderr, /^-:6:3 unknown-field: /m);
    assert.ok(store.current().resources.some(({ kind }) => kind === 'VirtualService'));
  });
});

test('apply and delete change all that a file holds at once', async () => {
  await served({ loopback: true }, async ({ run, store }) => {
    const seen: number[] = [];
    store.subscribe(({ resources }) => seen.push(resources.length));
    const stdin = RULES.replace('name: dubbo-go-server', 'name: new').replace('name: reviews', 'name: new');
    await run(['apply', '-f', '-'], { stdin });
    await run(['delete', '-f', '-'], { stdin });
    assert.deepEqual(seen, [4, 2]);
  });
});

test('apply --json prints one document with what became of each resource', async () => {
  await served({ loopback: true }, async ({ run }) => {
    const { code, stdout } = await run(['apply', '--json', '-f', CANARY]);
    assert.equal(code, 0);
    const { resources } = JSON.parse(stdout);
    assert.deepEqual(
      resources.map(({ kind, namespace, name, outcome }: Record<string, unknown>) => [
        kind,
        namespace,
        name,
        outcome,
      ]),
      [['VirtualService', 'default', 'dubbo-go-server', 'configured']],
    );
  });
});

test('delete takes away what was applied, then hides what the file holds, then knows nothing more', async () => {
  await served({ loopback: true }, async ({ run, store }) => {
    await run(['apply', '-f', CANARY]);
    const words = 'virtualservice.networking.istio.io/dubbo-go-server deleted';
    assert.equal(
      (await run(['delete', '-f', CANARY])).stdout,
      `${words} (the version of rules.yaml:1 is in effect again)\n`,
    );
    assert.equal(
      (await run(['delete', 'vs', 'dubbo-go-server'])).stdout,
      `${words} (hidden until rules.yaml is saved)\n`,
    );
    const gone = await run(['delete', 'virtualservice/dubbo-go-server']);
    assert.deepEqual(gone, {
      code: 1,
      stdout: '',
      stderr: 'Error (NotFound): virtualservice.networking.istio.io/dubbo-go-server not found\n',
    });
    assert.equal((await run(['delete', 'dr', 'reviews', '-n', 'shop'])).code, 0);
    assert.deepEqual(store.current().resources, []);
  });
});

test('get prints a table, and YAML that apply takes back unchanged', async () => {
  await served({ loopback: true }, async ({ run }) => {
    const { stdout } = await run(['get']);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {3,}/)),
      [
        ['KIND', 'NAMESPACE', 'NAME', 'HOSTS'],
        ['VirtualService', 'default', 'dubbo-go-server', 'dubbo-go-server'],
        ['DestinationRule', 'shop', 'reviews', 'reviews'],
      ],
    );
    const yaml = (await run(['get', 'all', '-o', 'yaml'])).stdout;
    assert.equal(parse(yaml).kind, 'List');
    const again = await run(['apply', '-f', '-'], { stdin: yaml });
    assert.equal(again.stderr, '');
    assert.deepEqual(again.stdout.match(/(created|configured|unchanged)$/gm), ['unchanged', 'unchanged']);
    const one = await run(['get', 'destinationrules.networking.istio.io', 'reviews', '-o', 'json']);
    assert.equal(JSON.parse(one.stdout).spec.subsets[0].labels.version, 'yes');
    assert.equal((await run(['get', 'gw'])).stdout, '');
    const none = await run(['get', 'vs', 'nothing']);
    assert.equal(none.code, 1);
    assert.match(
      none.stderr,
      /^Error \(NotFound\): virtualservice\.networking\.istio\.io\/nothing not found\n$/,
    );
  });
});

test('apply sends the token of POINTSMAN_ADMIN_TOKEN, and says what is missing without it', async () => {
  await served({ loopback: false, token: 'correct-horse' }, async ({ run }) => {
    const without = await run(['apply', '-f', CANARY], { env: { POINTSMAN_ADMIN_TOKEN: '' } });
    assert.equal(without.code, 1);
    assert.match(without.stderr, /^error: .*POINTSMAN_ADMIN_TOKEN/);
    assert.ok(!without.stderr.includes('correct-horse'));
    const { code, stdout } = await run(['apply', '-f', CANARY], {
      env: { POINTSMAN_ADMIN_TOKEN: 'correct-horse' },
    });
    assert.equal(code, 0);
    assert.match(stdout, /configured/);
  });
});

test('apply, delete and get say in one line that no gateway answers, and exit 1', async () => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done)); // so that the port is known to be free
  for (const args of [['apply', '-f', CANARY], ['delete', 'vs', 'a'], ['get']]) {
    const { code, stderr } = await pointsman([...args, '--admin', `127.0.0.1:${port}`]);
    assert.equal(code, 1, args[0]);
    assert.match(
      stderr,
      new RegExp(`^error: Cannot reach the admin port at http://127\\.0\\.0\\.1:${port}: [^\\n]+\\n$`),
    );
  }
});

test('apply, delete and get exit 2 for wrong use', async () => {
  for (const args of [
    ['apply'],
    ['delete'],
    ['delete', 'vs'],
    ['delete', 'pod', 'a'],
    ['delete', 'vs/'],
    ['get', 'pods'],
    ['get', '-o', 'xml'],
  ])
    assert.equal((await pointsman(args)).code, 2, args.join(' '));
});
