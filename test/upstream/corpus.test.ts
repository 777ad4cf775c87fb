/** Clusters on a clock of their own, against what Envoy was recorded to do with endpoints that fail, and in turns. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile, createRouter } from '../../router/index.ts';
import { startClusters } from '../../upstream/cluster.ts';
import { UpstreamPool } from '../../upstream/pool.ts';
import { caseFolders, readCase } from '../conformance/world.ts';

const cases = join(import.meta.dirname, '../conformance/corpus/cases');
/** The one left out shows a quirk of Envoy's timing, as the corpus itself says. */
const folders = caseFolders(cases).filter((folder) =>
  /[/\\](outlier-(?!5xx-quick).*|lb-round-robin-sequence|lb-port-level)$/.test(folder),
);

/** Where each request goes when turns begin at `seed`: `ENDPOINT STATUS`, or `- 503`. */
function play(folder: string, seed: number): string[] {
  const { resources, options, world } = readCase(folder);
  const { table } = compile(resources, options);
  const router = createRouter(table);
  let nowMs = 0;
  const upstream = { open: () => assert.fail('nothing is sent') };
  const pool = new UpstreamPool(() => upstream, { nowMs: () => nowMs });
  const clusters = startClusters(table.clusters, pool, () => (seed + 0.5) / 0x7fffffff);
  return world.requests.flatMap((request) => {
    const { method, authority, path, port, headers = [], upstream: answers, repeat } = request;
    nowMs += ((request as { waitMs?: number }).waitMs ?? 0) + 2;
    if (repeat !== undefined) return [];
    const decision = router.route({ method, authority, path, port, headers, scheme: 'http' }, () => 0);
    assert.equal(decision.kind, 'forward');
    const endpoint = decision.kind === 'forward' ? clusters.get(decision.cluster)!.pick() : undefined;
    if (!endpoint) return ['- 503'];
    const status = answers?.[0]?.status ?? 200;
    endpoint.ended(status);
    return [`${endpoint.id} ${status}`];
  });
}

function recorded(folder: string): string[] {
  const { results } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
    results: { status?: number; counts?: unknown; upstream?: { endpoint: string } }[];
  };
  return results.flatMap(({ status, counts, upstream }) =>
    counts === undefined ? [`${upstream?.endpoint ?? '-'} ${status}`] : [],
  );
}

for (const folder of folders) {
  test(`RunningCluster picks as Envoy did in ${folder.split(/[/\\]/).at(-1)}, wherever turns began`, () => {
    const envoys = recorded(folder);
    const ours = Array.from({ length: 6 }, (_, seed) => play(folder, seed));
    assert.ok(
      ours.some((each) => each.join() === envoys.join()),
      `recorded:\n${envoys.join(', ')}\nours:\n${ours.map((each) => each.join(', ')).join('\n')}`,
    );
  });
}

test('RunningCluster is held against every recorded case of outlier detection but the quirk', () => {
  assert.ok(folders.length >= 6, folders.join());
});
