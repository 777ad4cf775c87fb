/**
 * How long the commands of the workbench take beyond a program that starts and ends, as people run them:
 *
 *     bun bench/workbench/command.ts [RUNS]
 *
 * The quickest of some runs, as whatever else the machine does only adds.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatTable, runtimeName } from '../router/measure.ts';

const RUNS = Number(process.argv[2] ?? 5);
const HOSTS = 20;
const ROUTES = 50;
const CASES = 1000;
const LINES = 1_000_000;
const PORTS = 1000;
const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'pointsman-bench-'));

/** Rules of 1,000 routes, of which the route at `moved` of each host leads to v2. */
function rules(moved?: number): string {
  const route = (host: number, index: number) =>
    `    - match: [{ uri: { prefix: /part-${index}/ }, headers: { user: { exact: admin } } }]
      route: [{ destination: { host: shop-${host}, subset: ${index === moved ? 'v2' : 'v1'} } }]\n`;
  return Array.from(
    { length: HOSTS },
    (_, host) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop-${host} }
spec:
  hosts: [shop-${host}]
  http:
${Array.from({ length: ROUTES }, (__, index) => route(host, index)).join('')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop-${host} }
spec: { host: shop-${host}, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
`,
  ).join('---\n');
}

function cases(hosts: number): string {
  const all = Array.from({ length: CASES }, (_, index) => {
    const [host, part] = [index % hosts, Math.floor(index / HOSTS)];
    return `- name: case ${index}
  request: { url: http://shop-${host}/part-${part}/x, headers: { user: admin } }
  expect: { destination: shop-${host}, subset: v1 }\n`;
  });
  return `tests:\n${all.join('')}`;
}

/** Lines as Istio writes them, no two alike, on many ports. */
function writeLog(): string {
  const file = write('access.log', '');
  const lineOf = (index: number) =>
    `[2026-01-01T00:00:00.000Z] "GET /part-${index % ROUTES}/${index} HTTP/1.1" 200 - via_upstream - "-" 0 135 3 1 "-" "curl/8.1.0" "00000000-0000-4000-8000-${String(index).padStart(12, '0')}" "shop-${index % HOSTS}:${20_000 + (index % PORTS)}" "10.1.2.3:80" outbound|80||shop 10.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 - default\n`;
  for (let line = 0; line < LINES; line += 10_000)
    appendFileSync(file, Array.from({ length: 10_000 }, (_, index) => lineOf(line + index)).join(''));
  return file;
}

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const many = write('many.yaml', rules());
const moved = write('moved.yaml', rules(7));
const few = write('few.yaml', rules().split('---\n').slice(0, 2).join('---\n'));
const fewCases = write('few.test.yaml', cases(1));
const manyCases = write('many.test.yaml', cases(HOSTS));
const canary = join(root, 'deploy/istio/scenarios/canary-90-10.yaml');

/** Milliseconds of the quickest run; `wanted` is in what it prints. */
function timeMs(args: readonly string[], wanted: string): number {
  const times = Array.from({ length: RUNS }, () => {
    const startMs = performance.now();
    const { stdout } = spawnSync(process.execPath, [join(root, 'cli/main.ts'), ...args], {
      encoding: 'utf8',
    });
    const took = performance.now() - startMs;
    if (!stdout.includes(wanted))
      throw new Error(`${args[0]} did not print "${wanted}": ${stdout.slice(-500)}`);
    return took;
  });
  return Math.min(...times);
}

const startMs = timeMs(['--version'], '.');
const rows = [
  ['`test`, 1,000 cases, 50 routes', ['test', few, fewCases], '1000 passed, 0 failed'],
  ['`test`, 1,000 cases, 1,000 routes', ['test', many, manyCases], '1000 passed, 0 failed'],
  ['`diff`, 1,000 routes, 20 of which move', ['diff', many, moved], '20 sets of requests move'],
  [
    '`diff --log`, 1,000 routes, 1,000,000 lines on 1,000 ports',
    ['diff', many, moved, '--log', writeLog()],
    'of 1000000 logged requests',
  ],
  [
    '`simulate`, 1,000,000 requests',
    ['simulate', canary, '-n', '1000000', '--', 'http://dubbo-go-server/'],
    '1,000,000 requests',
  ],
] as const;
console.log(`${runtimeName()}; a start is ${startMs.toFixed(0)} ms\n`);
console.log(
  formatTable(
    ['command', 'ms after the start'],
    rows.map(([about, args, wanted]) => [about, (timeMs(args, wanted) - startMs).toFixed(0)]),
  ),
);
rmSync(folder, { recursive: true });
