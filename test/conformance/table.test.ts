/** Holds compiled tables against what Istio's own compiler made of the recorded resources. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Cluster, compile, type RouteTable, type VirtualHost } from '../../router/index.ts';
import { clusterOf, type PilotOutput, virtualHostsOf } from './pilot.ts';
import { caseFolders, readCase } from './world.ts';

const recorded = caseFolders(join(import.meta.dirname, 'corpus/cases')).map((folder) => {
  const { name, resources, options } = readCase(folder);
  const pilot: PilotOutput = JSON.parse(readFileSync(join(folder, 'envoy.json'), 'utf8'));
  return { name, pilot, table: withoutPrograms(compile(resources, options).table) };
});

/** As JSON, without what is made of a regex's text: Envoy's configuration has the text alone. */
function withoutPrograms(table: RouteTable): RouteTable {
  return JSON.parse(JSON.stringify(table, (key, value) => (key === 'program' ? undefined : value)));
}

function comparableVirtualHost({ routes, ...virtualHost }: VirtualHost): unknown {
  return {
    ...virtualHost,
    routes: routes.map(({ origin: _, match, ...route }) => ({
      ...route,
      match: { ...match, queryParams: [...match.queryParams].sort((a, b) => (a.name < b.name ? -1 : 1)) },
    })),
  };
}

function comparableCluster({ name, protocol, policy: { loadBalancer } }: Cluster): unknown {
  return {
    name,
    protocol,
    loadBalancer: loadBalancer.kind,
    tableSize: 'tableSize' in loadBalancer ? loadBalancer.tableSize : Number.NaN,
  };
}

test(`compile() makes the virtual hosts and routes that Istio makes, for ${recorded.length} configurations`, () => {
  for (const { name, pilot, table } of recorded) {
    for (const [port, configuration] of Object.entries(pilot.routes)) {
      const listener = table.listeners.find((each) => String(each.port) === port);
      const got = listener?.virtualHosts.map(comparableVirtualHost);
      assert.deepEqual(got, virtualHostsOf(configuration), `${name}, port ${port}`);
    }
  }
});

test('compile() makes the clusters that Istio makes, with the same load balancer and protocol', () => {
  for (const { name, pilot, table } of recorded) {
    const clusters = new Map(table.clusters.map((cluster) => [cluster.name, cluster]));
    const ruled = new Set(pilot.clusters.map((cluster) => cluster.name.split('|')[3]));
    for (const cluster of pilot.clusters) {
      const got = clusters.get(cluster.name);
      assert.deepEqual(got && comparableCluster(got), clusterOf(cluster), `${name}, ${cluster.name}`);
    }
    const more = table.clusters.filter(({ destination }) => ruled.has(destination.host));
    assert.equal(more.length, pilot.clusters.length, `${name}: number of clusters of the hosts ruled on`);
  }
});
