/**
 * Mixed traffic for SOAK_SECONDS (600): unary calls three ways, streams, aborts at any moment, connections that say
 * half a word, and rules that change all the while; against services in process and before remote ones. No wrong
 * answer, nothing left under way, no growth of memory once warm.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { callers, type Way, ways } from '../e2e/caller.ts';
import { type Program, root, start } from '../program.ts';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 600);
const WORKERS = 12;
const SEED = Number(process.env['SOAK_SEED'] ?? 1);

const destinationRule = readFileSync(join(root, 'deploy/istio/destinationrule.yaml'), 'utf8');
const rule = (weight: number) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: dubbo-go-server }
spec:
  hosts: [dubbo-go-server]
  http:
    - match: [{ headers: { user: { exact: admin } } }]
      route: [{ destination: { host: dubbo-go-server, subset: v2 } }]
    - route:
        - { destination: { host: dubbo-go-server, subset: v1 }, weight: ${weight} }
        - { destination: { host: dubbo-go-server, subset: v2 }, weight: ${100 - weight} }
`;

/** Mulberry32, so that a seed gives the same order of things. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function residentMiB(program: Program): number {
  const line = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

test(`a gateway answers right for ${SECONDS} s of mixed traffic, and holds no more memory at the end`, {
  timeout: (SECONDS + 120) * 1000,
  skip: process.platform === 'linux' ? false : 'reads /proc',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-soak-'));
  const programs: Program[] = [];
  const run = (file: string, args: readonly string[]): Program => {
    const program = start(file, args);
    programs.push(program);
    return program;
  };
  try {
    const ports: number[] = [];
    for (const version of ['v1', 'v2']) {
      const server = run('services/greeter/server.ts', ['--version', version, '--port', '0']);
      ports.push(Number((await server.line(/listens on .*:(\d+)/))[1]));
    }
    writeFileSync(join(folder, 'destinationrule.yaml'), destinationRule);
    writeFileSync(join(folder, 'rule.yaml'), rule(90));
    const remote = mkdtempSync(join(folder, 'remote-'));
    writeFileSync(
      join(remote, 'endpoints.yaml'),
      `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dubbo-go-server }
spec:
  hosts: [dubbo-go-server.default.svc.cluster.local]
  ports: [{ number: 20000, name: grpc, protocol: ${ways.includes('grpc') ? 'GRPC' : 'HTTP'} }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
    - { address: 127.0.0.1, ports: { grpc: ${ports[0]} }, labels: { dubbogoAppVersion: v1 } }
    - { address: 127.0.0.1, ports: { grpc: ${ports[1]} }, labels: { dubbogoAppVersion: v2 } }
`,
    );
    const near = run('cli/main.ts', [
      ...['dev', '--port', '0', '--admin-port', '0'],
      ...['--config', join(folder, 'destinationrule.yaml'), '--config', join(folder, 'rule.yaml')],
    ]);
    const far = run('cli/main.ts', [
      ...['serve', '--port', '0=20000', '--admin-port', '0', '--default-host', 'dubbo-go-server'],
      ...['--config', join(folder, 'destinationrule.yaml'), '--config', join(folder, 'rule.yaml')],
      ...['--config', remote],
    ]);
    const gateways = [
      {
        program: near,
        port: Number((await near.line(/http:\/\/localhost:(\d+)\/api/))[1]),
        admin: Number((await near.line(/admin\s.*:(\d+)/))[1]),
      },
      {
        program: far,
        port: Number((await far.line(/listening on \S+:(\d+)/))[1]),
        admin: Number((await far.line(/admin on \S+:(\d+)/))[1]),
      },
    ];
    const untilMs = performance.now() + SECONDS * 1000;
    const isOver = () => performance.now() >= untilMs;
    const wrong: string[] = [];
    let calls = 0;
    const right = (id: string, isAdmin: boolean, what: string): void => {
      calls++;
      if (isAdmin ? id !== 'v2.0.0' : id !== 'v1.0.0' && id !== 'v2.0.0') wrong.push(`${what}: ${id}`);
    };

    const work = async (number: number): Promise<void> => {
      const random = seeded(SEED * 1000 + number);
      const { port } = gateways[number % gateways.length]!;
      while (!isOver() && wrong.length < 10) {
        // A set of connections for some hundred calls, then new ones.
        const clients = callers(port);
        const grpc = clients.stream;
        for (let turn = 0; turn < 300 && !isOver(); turn++) {
          const isAdmin = random() < 0.5;
          const headers: Record<string, string> = isAdmin ? { user: 'admin' } : {};
          const dice = random();
          try {
            if (dice < 0.75) {
              const way: Way = ways[Math.floor(random() * ways.length)]!;
              right(await clients.call[way](headers), isAdmin, way);
            } else if (dice < 0.85 && ways.includes('grpc')) {
              const names = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) => ({
                name: `n${i}`,
              }));
              const asked = (async function* () {
                yield* names;
              })();
              let got = 0;
              for await (const user of grpc.sayHelloStream(asked, { headers })) {
                right(user.id, isAdmin, 'stream');
                got++;
              }
              if (got !== names.length) wrong.push(`stream: ${got} of ${names.length} answers`);
            } else if (dice < 0.95 && ways.includes('grpc')) {
              const abort = new AbortController();
              const timer = setTimeout(() => abort.abort(), random() * 5);
              await grpc.sayHello({ name: 'gone' }, { headers, signal: abort.signal }).catch(() => {});
              clearTimeout(timer);
            } else {
              const socket = connectTcp(port, '127.0.0.1');
              socket.on('error', () => {});
              socket.write(
                random() < 0.5
                  ? 'POST /api.Greeter/SayHello HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{'
                  : 'PRI * HT',
              );
              await sleep(random() * 5);
              socket.destroy();
            }
          } catch (error) {
            wrong.push(`${error}`);
          }
        }
        clients.close();
      }
    };
    const reload = async (): Promise<void> => {
      for (let weight = 0; !isOver(); weight = (weight + 7) % 101) {
        writeFileSync(join(folder, 'rule.yaml'), rule(weight));
        await sleep(400);
      }
    };
    const samples = gateways.map((): number[] => []);
    const watch = async (): Promise<void> => {
      while (!isOver()) {
        for (const [index, { program }] of gateways.entries()) samples[index]!.push(residentMiB(program));
        await sleep(Math.min(2000, SECONDS * 20));
      }
    };
    await Promise.all([...Array.from({ length: WORKERS }, (_, number) => work(number)), reload(), watch()]);
    await sleep(3000);
    assert.deepEqual(wrong, [], `seed ${SEED}`);
    for (const [index, { admin }] of gateways.entries()) {
      const shown = await (await fetch(`http://127.0.0.1:${admin}/clusters`)).json();
      const { clusters } = shown as {
        readonly clusters: {
          readonly name: string;
          readonly endpoints: readonly { readonly active: number }[];
        }[];
      };
      const active = clusters.flatMap(({ name, endpoints }) =>
        endpoints.filter((each) => each.active !== 0).map((each) => `${name}: ${each.active}`),
      );
      assert.deepEqual(active, [], 'nothing is under way');
      const taken = samples[index]!;
      const third = Math.floor(taken.length / 3);
      const warm = Math.max(...taken.slice(third, 2 * third));
      const late = Math.max(...taken.slice(2 * third));
      console.log(`gateway ${index}: ${warm.toFixed(0)} MiB warm, ${late.toFixed(0)} MiB at the end`);
      assert.ok(late < warm * 1.2 + 20, `memory grew from ${warm} to ${late} MiB`);
    }
    console.log(`${calls} answers`);
    for (const program of programs) program.kill('SIGTERM');
    for (const program of programs) assert.equal(await program.exit, 0, program.stderr());
  } finally {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map(({ exit }) => exit));
    rmSync(folder, { recursive: true });
  }
});
