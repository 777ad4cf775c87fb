/**
 * What it costs to find one virtual host among many: names, and wildcards for every tenth.
 *
 *     bun bench/router/host.ts [--counts 100,1000,10000,100000]
 *
 * `exact`: an authority that is a domain. `port`: the same with a port, which is forgotten. `wildcard`: a name that
 * one of the wildcards covers. Each again and again (`last`), or 1,024 hosts in turn (`spread`).
 */
import { parseArgs } from 'node:util';
import type { VirtualHost } from '../../router/index.ts';
import { createMatcher } from '../../router/route/matcher.ts';
import { prepareTable } from '../../router/route/prepared.ts';
import { formatTable, nanoseconds, runtimeName } from './measure.ts';
import { fromWire } from './rules.ts';

const { values } = parseArgs({ options: { counts: { type: 'string', default: '100,1000,10000,100000' } } });

const SPREAD = 1024;
const EVERY_WILDCARD = 10;

const KINDS: readonly { readonly name: string; authority(index: number): string }[] = [
  { name: 'exact', authority: (index) => `host-${index}.example.com` },
  { name: 'port', authority: (index) => `host-${index}.example.com:8080` },
  { name: 'wildcard', authority: (index) => `www.host-${index}.example.com` },
];

const rows: string[][] = [];
for (const count of values.counts.split(',').map(Number)) {
  const virtualHosts = Array.from({ length: count }, (_, index): VirtualHost => {
    const name = `host-${index}.example.com`;
    const wildcard = index % EVERY_WILDCARD === EVERY_WILDCARD - 1 ? [`*.${name}`] : [];
    return { name, domains: [name, ...wildcard], routes: [] };
  });
  const fallback = {
    port: 80,
    virtualHosts,
    ignorePortInHost: true,
    trustForwardedProto: true,
    normalization: 'BASE',
  } as const;
  const table = prepareTable({ format: 1, listeners: [], fallback, clusters: [] });
  const matcher = createMatcher(table);
  const listener = table.listenerOf(80);
  const row = [String(count)];
  for (const { name, authority } of KINDS) {
    const at = (index: number) => (name === 'wildcard' ? index - (index % EVERY_WILDCARD) + 9 : index);
    const last = fromWire(authority(at(count - 1)));
    const spread = Array.from({ length: SPREAD }, (_, index) =>
      fromWire(authority(at((index * 7919) % count))),
    );
    for (const each of [last, ...spread]) {
      const found = matcher.findVirtualHost(listener, each)?.virtualHost.virtualHost.name;
      if (!found || !each.includes(found)) throw new Error(`${each} is taken by ${found}`);
    }
    row.push(nanoseconds(() => matcher.findVirtualHost(listener, last)).toFixed(0));
    row.push(nanoseconds((call) => matcher.findVirtualHost(listener, spread[call % SPREAD]!)).toFixed(0));
  }
  rows.push(row);
}
console.log(`${runtimeName()}, nanoseconds a lookup\n`);
const head = ['N', ...KINDS.flatMap(({ name }) => [`${name}, last`, `${name}, spread`])];
console.log(formatTable(head, rows));
