/** The edge's app as it is deployed: rules compiled into the bundle, run by workerd, Deno and Bun. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Hono } from 'hono';
import { tableFeed } from '../../config/table.ts';
import app from '../../deploy/edge/app.ts';
import table from '../../deploy/edge/rules.json' with { type: 'json' };
import { createGateway, createTelemetry, MirrorLog } from '../../gateway/edge.ts';
import type { RouteTable } from '../../router/table/route-table.ts';
import { pointsman } from '../cli/program.ts';
import { root, runtime, startAny } from '../program.ts';
import { bundle, startWorker } from './worker.ts';

/** Of Protobuf and Connect, which the greeters are made of, are 142,000; docs/performance.md says what the rest is. */
const MAX_BYTES = 255_000;

interface Json {
  readonly action: { mirrors: unknown[] };
}

const HELLO = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{"name":"laurence"}',
};

async function assertTutorial(fetch: (path: string, init: typeof HELLO) => Promise<Response>): Promise<void> {
  const idFor = async (headers: Record<string, string>) => {
    const init = { ...HELLO, headers: { ...HELLO.headers, ...headers } };
    return ((await (await fetch('/api.Greeter/SayHello', init)).json()) as { id: string }).id;
  };
  assert.equal(await idFor({}), 'v1.0.0');
  assert.equal(await idFor({ user: 'admin' }), 'v2.0.0');
  assert.equal(await idFor({ user: 'admin2' }), 'v1.0.0');
}

test('compile writes the table that deploy/edge has', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-compile-'));
  try {
    const out = join(folder, 'rules.json');
    const { code, stderr } = await pointsman(['compile', 'deploy/istio', '--port', '20000', '-o', out]);
    assert.equal(code, 0, stderr);
    assert.equal(
      readFileSync(join(root, 'deploy/edge/rules.json'), 'utf8'),
      readFileSync(out, 'utf8'),
      'npm run compile:edge makes it anew',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('compile writes nothing where a rule is refused, and says where', async () => {
  const { code, stderr } = await pointsman(['compile', '-', '-o', '/nowhere/rules.json'], {
    stdin:
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {host: [a]}\n',
  });
  assert.equal(code, 1);
  assert.match(stderr, /-:4:8 unknown-field.*Cannot compile: \d+ errors?, and nothing is written/s);
});

test('compile and new app end with one line where nothing can be written', async () => {
  const unwritable = join(root, 'package.json/below');
  for (const folder of process.platform === 'linux' ? [unwritable, '/proc/below'] : [unwritable]) {
    const compiled = await pointsman(['compile', 'deploy/istio', '-o', join(folder, 'rules.json')]);
    assert.match(compiled.stderr, /^error: Cannot write ".*rules\.json": E[A-Z]+: [^\n]+\n$/);
    assert.equal(compiled.code, 1);
    const made = await pointsman(['new', 'app', join(folder, 'shop')]);
    assert.match(made.stderr, /^error: Cannot make an app in ".*shop": E[A-Z]+: [^\n]+\n$/);
    assert.equal(made.code, 1);
  }
});

test('deploy/edge answers in workerd, without a YAML reader, schemas or the compiler', async () => {
  const made = bundle('deploy/edge/app.ts');
  console.log(`deploy/edge is ${made.bytes} bytes, bundled and minified`);
  assert.ok(made.bytes < MAX_BYTES, `${made.bytes} bytes, at most ${MAX_BYTES} are allowed`);
  assert.equal(made.modules.length, 1, 'nothing else is uploaded, though it would be loaded later');
  assert.doesNotMatch(made.modules.map(({ text }) => text).join(), /ZodError|YAMLParseError/);
  const worker = await startWorker(made);
  try {
    await assertTutorial((path, init) => worker.fetch(path, init));
  } finally {
    await worker.dispose();
  }
});

test("wrangler's configuration uploads what is measured here: minified, without the names of functions", () => {
  const config = JSON.parse(readFileSync(join(root, 'deploy/edge/wrangler.jsonc'), 'utf8')) as Record<
    string,
    unknown
  >;
  assert.deepEqual([config['minify'], config['keep_names']], [true, false]);
});

test('createGateway() of the edge answers for its own hosts by the default host', async () => {
  const hello = (host: string) => app.fetch(new Request(`https://${host}/api.Greeter/SayHello`, HELLO));
  assert.equal((await hello('greeter.example.com')).status, 200);
  const strict = createGateway({
    table: table as unknown as RouteTable,
    services: [{ host: 'dubbo-go-server', port: 20000, handler: () => {} }],
    defaultHost: 'dubbo-go-server',
    ownHosts: ['Greeter.example.com'],
  });
  const status = async (host: string) => (await strict.fetch(new Request(`https://${host}/`))).status;
  assert.equal(await status('elsewhere.example.com'), 404);
  assert.equal(await status('greeter.example.com'), 503, 'no endpoint has the labels of v1');
});

test('createGateway() of the edge stands behind a Hono app, whose own routes come first', async () => {
  const behind = new Hono();
  behind.use(async (context, next) => {
    await next();
    context.header('x-app', 'seen');
  });
  behind.get('/own', (context) => context.text('mine'));
  behind.mount('/', app.fetch);
  assert.equal(await (await behind.request('https://greeter.example.com/own')).text(), 'mine');
  const response = await behind.request('https://greeter.example.com/api.Greeter/SayHello', HELLO);
  assert.equal(((await response.json()) as { id: string }).id, 'v1.0.0');
  assert.equal(response.headers.get('x-app'), 'seen');
});

for (const { name, fetch, want } of [
  {
    name: 'says nothing of a client that has left',
    fetch: (leave: () => void) => {
      leave();
      return new Promise<Response>(() => {});
    },
    want: { status: 499, told: [] },
  },
  {
    name: 'answers 500 where an endpoint gives no answer that there is, and says so',
    fetch: () => Response.error(),
    want: { status: 500, told: ['ERROR Cannot answer GET http://dubbo-go-server:20000/'] },
  },
])
  test(`createGateway() of the edge ${name}`, async () => {
    const told: string[] = [];
    const leaving = new AbortController();
    const gateway = createGateway({
      table: table as unknown as RouteTable,
      services: [
        {
          host: 'dubbo-go-server',
          port: 20000,
          labels: { dubbogoAppVersion: 'v1' },
          handler: { fetch: () => fetch(() => leaving.abort()) },
        },
      ],
      log: (level, message) => void told.push(`${level} ${message}`.replace(/(?<=:20000\/): .*/, '')),
    });
    const request = new Request('http://dubbo-go-server:20000/', { signal: leaving.signal });
    const { status } = await gateway.fetch(request);
    assert.deepEqual({ status, told }, want);
  });

test('createGateway() of the edge warns of mirrors that nobody compares', () => {
  const compared = structuredClone(table) as unknown as {
    listeners: { virtualHosts: { routes: Json[] }[] }[];
  };
  compared.listeners[0]!.virtualHosts[0]!.routes[0]!.action.mirrors = [
    { cluster: 'a', percent: 100, compare: { status: true } },
  ];
  const warnings = (mirrors?: MirrorLog) => {
    const told: string[] = [];
    const log = (_level: string, message: string) => void told.push(message);
    createGateway({ table: compared as unknown as RouteTable, log, ...(mirrors && { mirrors }) });
    return told.join();
  };
  assert.match(warnings(), /mirrors: new MirrorLog\(\)/);
  assert.equal(warnings(new MirrorLog()), '');
});

test('createGateway() of the edge writes the access log that it is given', async () => {
  const lines: string[] = [];
  const telemetry = createTelemetry({
    accessLog: { format: '%REQ(:PATH)% %RESPONSE_CODE%\n', write: (line) => void lines.push(line) },
  })!;
  const logged = createGateway({
    table: table as unknown as RouteTable,
    telemetry,
    defaultHost: 'dubbo-go-server',
    ownHosts: ['*'],
  });
  await logged.fetch(new Request('https://dubbo-go-server/some'));
  assert.deepEqual(lines, ['/some 503\n']);
});

test('tableFeed() refuses a table of another format', () => {
  assert.throws(
    () => tableFeed('rules.js', { format: 2 } as unknown as RouteTable),
    /Cannot read rules\.js: its format is 2, this version reads 1; make it anew with pointsman compile/,
  );
});

test('deploy/edge answers where it is served by the runtime itself', {
  skip: runtime === 'node' && 'Node has no server for { fetch }',
}, async () => {
  const args =
    runtime === 'deno'
      ? ['serve', '-A', '--no-check', '--host', '127.0.0.1', '--port', '0', 'deploy/edge/app.ts']
      : ['deploy/edge/app.ts'];
  const served = startAny(process.execPath, args, { env: { PORT: '0', BUN_PORT: '0' } });
  try {
    // Deno says it on standard error.
    while (!/:(\d+)/.test(served.stdout() + served.stderr()))
      await new Promise((done) => setTimeout(done, 20));
    const [, port] = /:(\d+)/.exec(
      (served.stdout() + served.stderr()).replace(/localhost|127\.0\.0\.1|0\.0\.0\.0/, ''),
    )!;
    await assertTutorial((path, init) => fetch(`http://127.0.0.1:${port}${path}`, init));
  } finally {
    served.kill('SIGTERM');
    await served.exit;
  }
});
