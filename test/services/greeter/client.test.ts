import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import type * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Greeter } from '../../../gen/api/greeter_pb.ts';
import type { Handler } from '../../../services/greeter/listener.ts';
import { routes as v1 } from '../../../services/greeter/v1.ts';
import { routes as v2 } from '../../../services/greeter/v2.ts';
import { start, withGreeter, withProgram } from './process.ts';

const isoTime = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
const response = (id: string) =>
  new RegExp(`^${isoTime}\tINFO\tcall server response = name:"Hello laurence" id:"${id}"$`);

/** Runs the client to its end and returns its lines and exit code. */
async function runClient(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  let result = { lines: [] as string[], stderr: '', exit: undefined as number | string | undefined };
  await withProgram(start('greeter/client.ts', args, env), async (client) => {
    const exit = await client.exit;
    result = { lines: client.stdout().split('\n').slice(0, -1), stderr: client.stderr(), exit };
  });
  return result;
}

test('client logs each answer in the words of the tutorial', async () => {
  await withGreeter(['--version', 'v1'], async (port) => {
    const { lines, stderr, exit } = await runClient([
      '--address',
      `127.0.0.1:${port}`,
      '--count',
      '3',
      '--interval',
      '10ms',
    ]);
    assert.equal(lines.length, 3);
    for (const line of lines) assert.match(line, response('v1.0.0'));
    assert.equal(stderr, '');
    assert.equal(exit, 0);
  });
});

test('client speaks each protocol and HTTP version', async () => {
  await withGreeter(['--version', 'v2'], async (port) => {
    for (const [protocol, version] of [
      ['tri', '2'],
      ['grpc-web', '1.1'],
      ['grpc-web', '2'],
      ['connect', '1.1'],
      ['connect', '2'],
    ] as const) {
      const { lines, exit } = await runClient([
        '--address',
        `tri://127.0.0.1:${port}`,
        '--protocol',
        protocol,
        '--http-version',
        version,
        '--count',
        '1',
      ]);
      assert.match(lines[0] ?? '', response('v2.0.0'), `${protocol} over ${version}`);
      assert.equal(exit, 0);
    }
  });
});

test('client logs an error and goes on', async () => {
  let calls = 0;
  const server = http2.createServer(
    connectNodeAdapter({
      routes: (router) =>
        router.service(Greeter, {
          sayHello: ({ name }) => {
            calls += 1;
            if (calls === 2) throw new ConnectError('no\thealthy\nupstream', Code.Unavailable);
            return { name: `Hello ${name}`, id: 'v1.0.0' };
          },
        }),
    }),
  );
  await withServer(server, async (port) => {
    const { lines, exit } = await runClient([
      '--address',
      `127.0.0.1:${port}`,
      '--count',
      '3',
      '--interval',
      '0',
    ]);
    assert.match(lines[0] ?? '', response('v1.0.0'));
    assert.match(
      lines[1] ?? '',
      new RegExp(`^${isoTime}\tERROR\tcall server error = \\[unavailable\\] no healthy upstream$`),
    );
    assert.match(lines[2] ?? '', response('v1.0.0'));
    assert.equal(lines.length, 3);
    assert.equal(exit, 1);
  });
});

test('client logs an error when nothing listens, and finds the greeter once it does', async () => {
  // A port that was free a moment ago.
  const first = http2.createServer();
  await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve));
  const { port } = first.address() as net.AddressInfo;
  await new Promise<void>((resolve) => first.close(() => resolve()));
  await withProgram(
    start('greeter/client.ts', ['--address', `127.0.0.1:${port}`, '--interval', '20ms']),
    async (client) => {
      await client.line(/\tERROR\tcall server error = \[unavailable\] [^\n]*\n/);
      const args = ['--host', '127.0.0.1', '--port', String(port), '--version', 'v2'];
      await withProgram(start('greeter/server.ts', args), async () => {
        await client.line(/\tINFO\tcall server response = name:"Hello laurence" id:"v2\.0\.0"\n/);
      });
    },
  );
});

test('SIGINT ends the client quietly with exit code 0, in a call too', async () => {
  let onCall = () => {};
  const called = new Promise<void>((resolve) => {
    onCall = resolve;
  });
  const server = http2.createServer(() => onCall());
  await withServer(server, async (port) => {
    await withProgram(start('greeter/client.ts', ['--address', `127.0.0.1:${port}`]), async (client) => {
      await called;
      client.kill('SIGINT');
      assert.equal(await client.exit, 0);
      assert.equal(client.stdout(), '');
      assert.equal(client.stderr(), '');
    });
  });
});

for (const version of ['1.1', '2'] as const) {
  test(`client sends headers, service and interface over HTTP/${version}`, async () => {
    const seen: unknown[] = [];
    const handler: Handler = (request, response) => {
      seen.push({
        authority: request.headers[':authority'] ?? request.headers.host,
        path: request.url,
        user: request.headers['user'],
        other: request.headers['x-other'],
      });
      response.statusCode = 503;
      response.end();
    };
    await withServer(
      version === '2' ? http2.createServer(handler) : http.createServer(handler),
      async (port) => {
        const args = ['--protocol', 'connect', '--http-version', version, '--count', '1'];
        const env = {
          GREETER_ADDRESS: `127.0.0.1:${port}`,
          GREETER_HEADER: 'user: admin\nx-other: 1',
          GREETER_TARGET_SERVICE: 'dubbo-go-server',
          GREETER_INTERFACE: 'org.apache.Greeter',
        };
        await runClient(args, env);
        assert.deepEqual(seen[0], {
          authority: 'dubbo-go-server:20000',
          path: '/org.apache.Greeter/SayHello',
          user: 'admin',
          other: '1',
        });
      },
    );
  });
}

test('client with rules of its own routes each call to the greeters themselves', async () => {
  const greeter = (routes: typeof v1) => http2.createServer(connectNodeAdapter({ routes }));
  const folder = await mkdtemp(join(tmpdir(), 'greeter-'));
  await withServer(greeter(v1), (one) =>
    withServer(greeter(v2), async (two) => {
      await writeFile(
        join(folder, 'endpoints.yaml'),
        `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dubbo-go-server }
spec:
  hosts: [dubbo-go-server.default.svc.cluster.local]
  ports: [{ number: 20000, name: grpc, protocol: GRPC }]
  resolution: STATIC
  endpoints:
    - { address: 127.0.0.1, ports: { grpc: ${one} }, labels: { dubbogoAppVersion: v1 } }
    - { address: 127.0.0.1, ports: { grpc: ${two} }, labels: { dubbogoAppVersion: v2 } }
`,
      );
      const rules = ['--config', 'deploy/istio', '--config', folder, '--count', '2', '--interval', '0'];
      const answers = async (...args: readonly string[]) => {
        const { lines, stderr, exit } = await runClient([...rules, ...args]);
        assert.equal(stderr, '');
        assert.equal(exit, 0, lines.join('\n'));
        assert.equal(lines.length, 2);
        return lines;
      };
      for (const line of await answers('--protocol', 'connect')) assert.match(line, response('v1.0.0'));
      const asAdmin = await answers('--header', 'user: admin', '--address', 'xds:///dubbo-go-server:20000');
      for (const line of asAdmin) assert.match(line, response('v2.0.0'));
    }),
  );
  await rm(folder, { recursive: true });
});

test('client refuses wrong use with exit code 2 and what would do', async () => {
  const cases = [
    [['--registry-protocol', 'xds'], /needs a service to ask for: add --service/],
    [
      ['--registry-address', 'istiod:99999', '--address', 'xds:///a:20000'],
      /Cannot read rules from "xds:\/\/istiod:99999"/,
    ],
    [['--config', 'rules', '--address', 'https://greeter'], /want http:\/\/HOST:PORT or xds:\/\/\/HOST:PORT/],
    [['--config', 'rules', '--http-version', '2'], /leave out --http-version/],
    [['--config', 'rules', '--labels', 'app'], /Want K=V/],
    [['--http-version', '1.1'], /Cannot speak grpc over HTTP\/1\.1/],
    [['--interval', 'soon'], /'soon' is invalid\. Want a duration/],
    [['--header', 'secret'], /^error: Cannot send a --header: want 'NAME: VALUE'/],
    [['--nothing'], /unknown option '--nothing'/],
  ] as const;
  for (const [args, message] of cases) {
    const { lines, stderr, exit } = await runClient(args);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.deepEqual(lines, []);
    assert.equal(exit, 2);
  }
});

test('client --help shows examples and exit codes', async () => {
  const { lines, exit } = await runClient(['--help']);
  const help = lines.join('\n');
  assert.match(help, /Examples:\n {2}client\.ts --address localhost:8080 --header 'user: admin'/);
  assert.match(help, /Exit code: 0 /);
  assert.equal(exit, 0);
});

/** Runs `use` with a server of this process on a free port. */
async function withServer(server: net.Server, use: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  try {
    await use((server.address() as net.AddressInfo).port);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
