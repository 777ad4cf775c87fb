/** Consistent hashing against what Envoy chose among the addresses that it was recorded with. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Cluster, compile, createRouter } from '../../../router/index.ts';
import { type Candidate, createBalancer } from '../../../router/policy/balancer.ts';
import { hashRequest } from '../../../router/policy/hash.ts';
import { caseFolders, readCase } from '../../conformance/world.ts';

const cases = join(import.meta.dirname, '../../conformance/corpus/cases');
const hashing = caseFolders(cases).filter((folder) => /[/\\]hash-[^/\\]+$/.test(folder));

interface Recorded {
  readonly endpointAddresses: Readonly<Record<string, string>>;
  readonly results: readonly {
    readonly id: string;
    readonly upstream?: { readonly endpoint: string };
    readonly counts?: { readonly endpoint: Readonly<Record<string, number>> };
  }[];
}

interface Place extends Candidate {
  readonly id: string;
}

function balancerOf({ endpoints, policy }: Cluster, addresses: Recorded['endpointAddresses']) {
  const balancer = createBalancer<Place>(policy.loadBalancer, { chance: () => 0, nowMs: () => 0 });
  balancer.update(
    endpoints.map(({ id, weight }) => ({ id, weight, active: 0, hashKey: addresses[id]!, sinceMs: 0 })),
  );
  return balancer;
}

/** Requests of the case with what Envoy chose; told as `ID ENDPOINT`. Those without a key, chosen by chance, are left out. */
function choicesOf(folder: string): {
  readonly ours: string[];
  readonly envoys: string[];
  readonly kinds: string[];
} {
  const { resources, options, world } = readCase(folder);
  const expected: Recorded = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
  const { table } = compile(resources, options);
  const router = createRouter(table);
  const ours: string[] = [];
  const envoys: string[] = [];
  const kinds: string[] = [];
  for (const [index, request] of world.requests.entries()) {
    const { id, method, authority, path, port, proto, headers = [] } = request;
    const sourceAddress = '127.0.0.1';
    const arrived = {
      method,
      authority,
      path,
      headers,
      port,
      scheme: 'http',
      http2: proto === 'h2',
      sourceAddress,
    };
    const decision = router.route(arrived, () => 0);
    assert.equal(decision.kind, 'forward');
    if (decision.kind !== 'forward') continue;
    const hashed = { ...decision.request, sourceAddress };
    const hash = hashRequest(decision.hashPolicy ?? [], hashed, () => undefined);
    if (hash === undefined) continue;
    const cluster = table.clusters.find(({ name }) => name === decision.cluster)!;
    ours.push(`${id} ${balancerOf(cluster, expected.endpointAddresses).pick(hash, 0)?.id}`);
    const { upstream, counts } = expected.results[index]!;
    envoys.push(`${id} ${upstream?.endpoint ?? Object.keys(counts!.endpoint).join(' and ')}`);
    kinds.push(cluster.policy.loadBalancer.kind);
  }
  return { ours, envoys, kinds };
}

test('hashRequest() and the tables choose the endpoints that Envoy chose', () => {
  const all = hashing.map(choicesOf);
  assert.deepEqual(
    all.map(({ ours }) => ours),
    all.map(({ envoys }) => envoys),
  );
  const kinds = all.flatMap((each) => each.kinds);
  assert.ok(kinds.filter((kind) => kind === 'RING_HASH').length >= 40, 'requests of ring hash');
  assert.ok(kinds.filter((kind) => kind === 'MAGLEV').length >= 9, 'requests of Maglev');
});
