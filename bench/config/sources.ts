/**
 * What it costs to follow a cluster or a control plane with many rules and endpoints: the time until all is in effect
 * for the first time, what the process holds then, and what one change costs until it is in effect.
 *
 *     bun bench/config/sources.ts [--services 1000] [--changes 60]
 *
 * The servers are scripted ones in a process of their own (server.ts): what they take is not counted, but that both
 * share the machine. A change is timed from the word to the server until a decision, or a cluster, shows it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { kubernetesSource } from '../../config/kubernetes/source.ts';
import type { ConfigSource } from '../../config/source.ts';
import { xdsSource } from '../../config/xds/source.ts';
import { createGateway, type Gateway } from '../../gateway/index.ts';
import { formatTable, median, runtimeName } from '../router/measure.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000' },
    changes: { type: 'string', default: '60' },
    /** One source in a process of its own, so that neither has the other's memory. */
    only: { type: 'string' },
  },
});
const services = Number(values.services);
const changes = Number(values.changes);

/** What the reading has left behind is collected by then. */
const SETTLE_MS = 3000;

const megabytes = () => Math.round(process.memoryUsage.rss() / 1e6);
const cpuMs = (since?: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

if (values.only === undefined) {
  const rows: string[][] = [];
  for (const only of ['k8s', 'xds']) {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1), '--only', only], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    await once(child, 'close');
    rows.push(JSON.parse(output));
  }
  console.log(
    `${runtimeName()}, ${services} services of 10 endpoints, as many rules, ${changes} changes of each kind\n`,
  );
  const head = [
    ['source', 'first sync', 'CPU', 'RSS before', 'after', '3 s later'],
    ['endpoint: CPU', 'median', 'p99', 'rule: CPU', 'median', 'p99'],
  ].flat();
  console.log(formatTable(head, rows));
} else {
  console.log(JSON.stringify(await measure(values.only)));
  process.exit();
}

async function measure(kind: string): Promise<string[]> {
  const server = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), String(services)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(server.stdout, 'data');
  const ports = JSON.parse(String(line)) as { readonly api: number; readonly plane: number };
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-bench-'));
  const before = megabytes();
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const gateway = createGateway({
    config: kind === 'xds' ? xdsSource(`xds://127.0.0.1:${ports.plane}`) : kubernetes(folder, ports.api),
    proxy: { namespace: 'shop' },
  });
  await gateway.ready();
  const first = [performance.now() - startedMs, cpuMs(startedCpu)].map((ms) => `${Math.round(ms)} ms`);
  const after = megabytes();
  await new Promise((done) => setTimeout(done, SETTLE_MS));
  const settled = megabytes();
  const say = (text: string) => server.stdin.write(`${text}\n`);
  const endpoint = await timed(gateway, (service) => say(`endpoint ${service}`));
  const rule = await timed(gateway, (service) => say(`rule ${service}`));
  await gateway.stop(0);
  server.stdin.end();
  rmSync(folder, { recursive: true });
  return [kind, ...first, `${before} MB`, `${after} MB`, `${settled} MB`, ...endpoint, ...rule];
}

function kubernetes(folder: string, port: number): ConfigSource {
  const kubeconfig = join(folder, 'kubeconfig');
  const config = {
    'current-context': 'bench',
    contexts: [{ name: 'bench', context: { cluster: 'bench' } }],
    clusters: [{ name: 'bench', cluster: { server: `http://127.0.0.1:${port}` } }],
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  return kubernetesSource('k8s://', { kubeconfig });
}

/** CPU of one change, and the time until it is in effect. */
async function timed(gateway: Gateway, change: (service: number) => void): Promise<string[]> {
  const took: number[] = [];
  let startedCpu = process.cpuUsage();
  const warm = Math.floor(changes / 4);
  for (let count = 0; count < changes + warm; count++) {
    if (count === warm) startedCpu = process.cpuUsage();
    const inEffect = new Promise<void>((done) => {
      const end = gateway.config.subscribe(() => {
        end();
        done();
      });
    });
    const startedMs = performance.now();
    change((count * 7) % services);
    await inEffect;
    if (count >= warm) took.push(performance.now() - startedMs);
  }
  const cpu = cpuMs(startedCpu) / changes;
  took.sort((a, b) => a - b);
  const p99 = took[Math.min(took.length - 1, Math.ceil(took.length * 0.99) - 1)]!;
  return [`${cpu.toFixed(1)} ms`, `${median(took).toFixed(0)} ms`, `${p99.toFixed(0)} ms`];
}
