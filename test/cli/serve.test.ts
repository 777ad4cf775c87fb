import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Program, root } from '../program.ts';
import { pointsman, start } from './program.ts';

const EVERYTHING = '0.0.0.0';

interface Ports {
  readonly port: number;
  readonly admin: number;
}

/** The ports that a gateway's log names once both are open. */
async function ports(running: Program): Promise<Ports> {
  const [, admin] = await running.line(/admin on http:\/\/localhost:(\d+)/);
  const [, port] = await running.line(/listening on http:\/\/localhost:(\d+)/);
  return { port: Number(port), admin: Number(admin) };
}

async function text(url: string, init?: RequestInit): Promise<string> {
  return (await fetch(url, init)).text();
}

/** The greeting of a gateway with greeters behind it. */
async function greet(
  port: number,
  headers: Record<string, string> = {},
): Promise<{ name: string; id: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/api.Greeter/SayHello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"name":"laurence"}',
  });
  return response.json() as Promise<{ name: string; id: string }>;
}

async function untilTrue(holds: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await holds())) {
    if (performance.now() - started > 30_000) throw new Error(`Not so within 30 s: ${holds}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** A server that answers each request when it is told to, and the rules that send host `slow` to it. */
async function slowServer(): Promise<{
  rules: string;
  arrived: Promise<void>;
  answer(): void;
  close(): void;
}> {
  let answer = () => {};
  let came = () => {};
  const arrived = new Promise<void>((done) => {
    came = done;
  });
  const server = createServer((_, response) => {
    response.writeHead(200);
    response.write('begun ');
    answer = () => response.end('done');
    came();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const rules = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: slow
spec:
  hosts: [slow.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
`;
  return { rules, arrived, answer: () => answer(), close: () => void server.close() };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-serve-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ends a process that a test left behind, whatever happened to the test. */
async function ended(running: Program, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } finally {
    running.kill('SIGKILL');
    await running.exit;
  }
}

test('dev prints where it listens, what it watches, and lines to paste, and greets by the rules', async () => {
  const running = start(['dev', '--port', '0', '--admin-port', '0']);
  await ended(running, async () => {
    const { port, admin } = await ports(running);
    const [screen] = await running.line(/[\s\S]*Try it:[\s\S]*canary-90-10\.yaml.*/);
    assert.match(screen, /deploy\/istio\/destinationrule\.yaml/);
    assert.match(screen, /deploy\/istio\/virtualservice\.yaml/);
    assert.ok(
      screen.includes(
        `curl -H 'content-type: application/json' -d '{"name":"laurence"}' http://localhost:${port}/api.Greeter/SayHello`,
      ),
      screen,
    );
    assert.ok(
      screen.includes(
        `grpcurl -plaintext -H 'user: admin' -d '{"name":"laurence"}' localhost:${port} api.Greeter/SayHello`,
      ),
      screen,
    );
    assert.deepEqual(await greet(port), { name: 'Hello laurence', id: 'v1.0.0' });
    assert.deepEqual(await greet(port, { User: 'admin' }), { name: 'Hello laurence', id: 'v2.0.0' });
    assert.equal((await fetch(`http://127.0.0.1:${admin}/readyz`)).status, 200);
    assert.match(
      await text(`http://127.0.0.1:${admin}/metrics`),
      /^pointsman_requests_total\{.*subset="v2".*\} 1$/m,
    );
  });
});

test('dev obeys a saved file within a second, says so, and tells the place of what it refuses', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'rules.yaml');
    const rule = (subset: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: dubbo-go-server
spec:
  hosts: [dubbo-go-server]
  http:
    - route:
        - destination:
            host: dubbo-go-server
            subset: ${subset}
`;
    writeFileSync(file, rule('v1'));
    const subsets = join(root, 'deploy/istio/destinationrule.yaml');
    const running = start(
      ['dev', '--port', '0', '--admin-port', '0', '--config', subsets, '--config', 'rules.yaml'],
      {
        cwd: folder,
      },
    );
    await ended(running, async () => {
      const { port } = await ports(running);
      assert.equal((await greet(port)).id, 'v1.0.0');
      writeFileSync(file, rule('v2'));
      await untilTrue(async () => (await greet(port)).id === 'v2.0.0');
      await running.line(
        /rules in effect: VirtualService default\/dubbo-go-server \(rules\.yaml:1\) changed\n/,
      );
      writeFileSync(file, rule('v1').replace('hosts:', 'hots:'));
      const [, , caret] = await running.line(
        /ERROR\trefused, its last good version stays: rules\.yaml:6:3 unknown-field: .*\n\t(.*)\n\t( *\^)\n/,
      );
      assert.ok(caret);
      assert.equal((await greet(port)).id, 'v2.0.0');
    });
  });
});

test('dev obeys apply and delete', async () => {
  const running = start(['dev', '--port', '0', '--admin-port', '0']);
  await ended(running, async () => {
    const { port, admin } = await ports(running);
    const at = ['--admin', `127.0.0.1:${admin}`];
    const stdin = (await pointsman(['get', 'vs', '-o', 'yaml', ...at])).stdout.replaceAll(
      'subset: v1',
      'subset: v2',
    );
    const { code, stdout } = await pointsman(['apply', '-f', '-', ...at], { stdin });
    assert.deepEqual(
      { code, stdout },
      { code: 0, stdout: 'virtualservice.networking.istio.io/dubbo-go-server configured\n' },
    );
    assert.equal((await greet(port)).id, 'v2.0.0');
    assert.equal((await pointsman(['delete', 'vs', 'dubbo-go-server', ...at])).code, 0);
    assert.equal((await greet(port)).id, 'v1.0.0');
  });
});

test('dev --upstream puts the rules before servers of your own', async () => {
  const servers = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const server = createServer((_, response) => response.end(name));
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      return { server, port: (server.address() as AddressInfo).port };
    }),
  );
  const [one, two] = servers;
  const running = start([
    'dev',
    '--port',
    '0',
    '--admin-port',
    '0',
    '--upstream',
    `v1=:${one?.port}`,
    '--upstream',
    `v2=localhost:${two?.port}`,
  ]);
  await ended(running, async () => {
    const { port } = await ports(running);
    assert.equal(await text(`http://127.0.0.1:${port}/any/path`), 'one');
    assert.equal(await text(`http://127.0.0.1:${port}/any/path`, { headers: { user: 'admin' } }), 'two');
  });
  for (const { server } of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** `serve` over the rules of a folder, on free ports that stand for service port 80. */
function serve(folder: string): Program {
  return start([
    ...['serve', '--config', folder],
    ...['--port', '0=80', '--host', '127.0.0.1', '--admin-port', '0'],
  ]);
}

test('serve finishes the call under way after SIGTERM, takes no new one, and exits 0', async () => {
  const slow = await slowServer();
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'se.yaml'), slow.rules);
    const running = serve(folder);
    await ended(running, async () => {
      const { port, admin } = await ports(running);
      const answered = new Promise<string>((done, failed) => {
        const call = request(
          { port, host: '127.0.0.1', headers: { host: 'slow.example.com' } },
          async (response) => {
            let body = '';
            for await (const chunk of response) body += chunk;
            done(body);
          },
        );
        call.on('error', failed).end();
      });
      await slow.arrived;
      running.kill('SIGTERM');
      await running.line(/SIGTERM: /);
      await untilTrue(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 503);
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'a new connection is refused');
      slow.answer();
      assert.equal(await answered, 'begun done');
      const code = await running.exit;
      assert.equal(code, 0);
    });
  });
  slow.close();
});

test('serve ends at once by a second signal, though a call is under way', async () => {
  const slow = await slowServer();
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'se.yaml'), slow.rules);
    const running = serve(folder);
    await ended(running, async () => {
      const { port } = await ports(running);
      const call = request({ port, host: '127.0.0.1', headers: { host: 'slow.example.com' } });
      call.on('error', () => {}).on('response', (response) => response.on('error', () => {}).resume());
      call.end();
      await slow.arrived;
      running.kill('SIGINT');
      await running.line(/SIGINT: /);
      running.kill('SIGINT');
      const code = await running.exit;
      assert.equal(code, 1);
    });
  });
  slow.close();
});

test('serve exits 0 by a signal when nothing is under way', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const running = start(['serve', '--config', 'deploy/istio', '--port', '0', '--admin-port', '0']);
    await ended(running, async () => {
      await ports(running);
      running.kill(signal);
      assert.equal(await running.exit, 0);
    });
  }
});

test('serve --json logs an object a line', async () => {
  const running = start(['serve', '--json', '--config', 'deploy/istio', '--port', '0', '--admin-port', '0']);
  await ended(running, async () => {
    await ports(running);
    running.kill('SIGTERM');
    await running.exit;
    const stdout = running.stdout();
    for (const line of stdout.trimEnd().split('\n')) {
      const { time, level, message } = JSON.parse(line);
      assert.ok(!Number.isNaN(Date.parse(time)) && level && message, line);
    }
  });
});

test('serve says in one line that a port is taken, and exits 1', async () => {
  const taken = createTcpServer();
  await new Promise<void>((done) => taken.listen(0, EVERYTHING, done));
  const { port } = taken.address() as AddressInfo;
  for (const [option, args] of [
    ['--port', ['--port', `${port}`, '--admin-port', '0']],
    ['--admin-port', ['--port', '0', '--admin-port', `${port}`, '--admin-host', EVERYTHING]],
  ] as const) {
    const { code, stderr } = await pointsman(['serve', '--config', 'deploy/istio', ...args]);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      new RegExp(`^error: Cannot listen on 0\\.0\\.0\\.0:${port}: [^\\n]*${option} [^\\n]*\\n$`),
    );
  }
  taken.close();
});

test('serve exits 2 for wrong use, and says what is wrong', async () => {
  const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['serve'], /^error: Cannot serve without rules: give --config /],
    [['serve', '--config', 'a', '--port', 'http'], /'http'/],
    [
      ['serve', '--config', 'deploy/istio', '--config', 'deploy/isto'],
      /^error: Cannot find "deploy\/isto": no such file or folder; /,
    ],
    [['dev', '--upstream', 'v1'], /'v1'/],
    [['dev', '--port', '99999'], /'99999'/],
  ];
  await Promise.all(
    cases.map(async ([args, said]) => {
      const { code, stderr } = await pointsman(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, said);
    }),
  );
});

test('serve ends where its files hold no rule, and with --wait-for-rules is ready once they do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-empty-'));
  const args = ['serve', '--config', folder, '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'];
  const write = (hosts: string) =>
    writeFileSync(
      join(folder, 'rules.yaml'),
      `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a }\n` +
        `spec: { ${hosts}: [a], http: [{ directResponse: { status: 200 } }] }\n`,
    );
  try {
    const { code, stderr, stdout } = await pointsman(args);
    assert.equal(code, 2);
    assert.match(stderr, /^error: Cannot serve without rules: no rule in "[^\n]*--wait-for-rules\n$/);
    assert.equal(stdout, '');

    const running = start([...args, '--wait-for-rules']);
    const { admin } = await ports(running);
    const readiness = () => text(`http://127.0.0.1:${admin}/readyz`);
    assert.match(await readiness(), /^not ready: no rule in "[^\n]*pointsman-empty-/);
    assert.equal((await fetch(`http://127.0.0.1:${admin}/healthz`)).status, 200);
    write('host');
    await untilTrue(async () => (await readiness()).includes('what there is was refused'));
    write('hosts');
    await untilTrue(async () => (await readiness()).trim() === 'ready');
    // What is taken away on purpose is gone, and no reason to be sent no traffic.
    rmSync(join(folder, 'rules.yaml'));
    await running.line(/VirtualService default\/a [^\n]*removed/);
    assert.equal((await readiness()).trim(), 'ready');
    running.kill('SIGTERM');
    assert.equal(await running.exit, 0);

    // Rules that are all refused are not what anybody wants served, and a fixed file is.
    write('host');
    const refused = start(args);
    const at = await ports(refused);
    assert.match(await text(`http://127.0.0.1:${at.admin}/readyz`), /^not ready: .* refused/);
    refused.kill('SIGTERM');
    assert.equal(await refused.exit, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
