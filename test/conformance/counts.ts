/** Compares what many repeats of one request did with what the router's weights and chances allow. */
import type { Cluster, Explanation } from '../../router/index.ts';
import { type Comparison, fitsDistribution } from './compare.ts';
import type { ExpectedResult } from './world.ts';

/** Repeated requests: the clusters by weight, and faults and mirrors by their chance. */
export function compareCounts(
  comparison: Comparison,
  expected: ExpectedResult,
  explanation: Explanation,
  clusters: ReadonlyMap<string, Cluster>,
): void {
  const { counts, id } = expected;
  if (!counts) return;
  const chances = new Map<string, number>();
  for (const { percent, decision } of explanation.outcomes) {
    if (decision.kind !== 'forward') continue;
    chances.set(decision.cluster, (chances.get(decision.cluster) ?? 0) + percent / 100);
  }
  const seen = new Map(Object.entries(counts.cluster ?? {}));
  if (!fitsDistribution(seen, chances)) {
    comparison.equal(id, 'counts.cluster', counts.cluster, Object.fromEntries(chances));
  }
  const abort = explanation.chances?.find(({ kind }) => kind === 'fault-abort');
  if (abort && counts.status) {
    const aborted = Math.round((counts.total * abort.percent) / 100);
    const wanted = new Map([
      ['aborted', abort.percent / 100],
      ['passed', 1 - abort.percent / 100],
    ]);
    const passed = counts.status['200'] ?? 0;
    const sample = new Map([
      ['aborted', counts.total - passed],
      ['passed', passed],
    ]);
    if (!fitsDistribution(sample, wanted)) comparison.equal(id, 'counts.status', counts.status, { aborted });
  }
  const mirrored = new Map<string, number>();
  const copies = explanation.outcomes.flatMap(({ percent, decision }) =>
    decision.kind === 'forward' ? decision.mirrors.map(({ cluster }) => ({ cluster, percent })) : [],
  );
  for (const { cluster, percent } of copies) {
    const endpoint = clusters.get(cluster)?.endpoints[0]?.id ?? '';
    mirrored.set(endpoint, (mirrored.get(endpoint) ?? 0) + (percent / 100) * counts.total);
  }
  const byChance = explanation.chances?.filter(({ kind }) => kind === 'mirror') ?? [];
  for (const { percent, what } of byChance) {
    const endpoint = clusters.get(what.replace(/^copy to /, ''))?.endpoints[0]?.id ?? '';
    const copied = counts.mirror?.[endpoint] ?? 0;
    const sample = new Map([
      ['copied', copied],
      ['not copied', counts.total - copied],
    ]);
    const wanted = new Map([
      ['copied', percent / 100],
      ['not copied', 1 - percent / 100],
    ]);
    if (!fitsDistribution(sample, wanted))
      comparison.equal(id, 'counts.mirror', counts.mirror, `${percent}%`);
  }
  if (byChance.length === 0) {
    comparison.equal(id, 'counts.mirror', counts.mirror ?? {}, Object.fromEntries(mirrored));
  }
}
