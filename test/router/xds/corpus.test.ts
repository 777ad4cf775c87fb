/**
 * Reads what Istio's pilot makes of the recorded resources, and holds the tables against what was recorded: the same
 * decisions as the real Envoy's, and the same clusters that the compiler makes of the YAML.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRegistry, type DescMessage, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts';
import { CorsPolicySchema } from '../../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts';
import { HTTPFaultSchema } from '../../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts';
import { UpstreamTlsContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { HttpProtocolOptionsSchema } from '../../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts';
import { type Cluster, compile, createRouter, type RouteTable } from '../../../router/index.ts';
import type { ConnectionPool } from '../../../router/table/cluster.ts';
import {
  createXdsTables,
  readCluster,
  readRouteConfiguration,
  type XdsListener,
  type XdsRoutes,
} from '../../../router/xds/index.ts';
import { formatDifference } from '../../conformance/compare.ts';
import { runRouterCase } from '../../conformance/router-mode.ts';
import { type Case, caseFolders, readCase } from '../../conformance/world.ts';

interface PilotOutput {
  readonly routes: Readonly<Record<string, JsonValue>>;
  readonly clusters: readonly JsonValue[];
}

const registry = createRegistry(
  CorsPolicySchema,
  HTTPFaultSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
);

function message<Schema extends DescMessage>(schema: Schema, json: JsonValue) {
  return fromJson(schema, json, { registry, ignoreUnknownFields: true });
}

const cases = caseFolders(join(import.meta.dirname, '../../conformance/corpus/cases')).map((folder) => {
  const recorded = readCase(folder);
  const pilot: PilotOutput = JSON.parse(readFileSync(join(folder, 'envoy.json'), 'utf8'));
  return { recorded, pilot, compiled: compile(recorded.resources, recorded.options).table };
});

/** The table of pilot's routes; clusters, of which the recording has not all, are those of the YAML. */
function tableOf(
  { world, options }: Case,
  { routes }: PilotOutput,
  { clusters, listeners }: RouteTable,
): RouteTable {
  const configurations = new Map<string, XdsRoutes>();
  const xdsListeners = new Map<string, XdsListener>(
    Object.entries(routes).map(([key, json]) => {
      const port = Number(key.split('/')[0]);
      configurations.set(key, readRouteConfiguration(message(RouteConfigurationSchema, json)));
      const { normalization = 'BASE' as const, tls } = listeners.find((each) => each.port === port) ?? {};
      // The recording has no filter chains, but of which server the routes are: `https.443.https.edge.default`.
      const [, server, gateway, namespace] = /https\.\d+\.([^.]+)\.([^.]+)\.([^.]+)$/.exec(key) ?? [];
      const own = tls?.find((each) => each.server === `${namespace}/${gateway} ${server}`);
      const name = `0.0.0.0_${key}`;
      return [name, { name, port, routes: [key], normalization, isApi: false, ...(own && { tls: [own] }) }];
    }),
  );
  const tables = createXdsTables({ type: world.proxy.type, namespace: world.proxy.namespace });
  const isBlocked = options.meshConfig?.outboundTrafficPolicy?.mode === 'REGISTRY_ONLY';
  xdsListeners.set('virtualOutbound', {
    name: 'virtualOutbound',
    port: 15001,
    routes: [],
    normalization: 'BASE',
    isApi: false,
    passesTo: isBlocked ? 'BlackHoleCluster' : 'PassthroughCluster',
  });
  const table = tables({
    listeners: xdsListeners,
    routes: configurations,
    clusters: new Map(),
    endpoints: new Map(),
  });
  return { ...table, clusters };
}

test(`readRouteConfiguration() gives tables that decide ${cases.length} recorded cases as Istio with Envoy did`, () => {
  const wrong = cases.flatMap(({ recorded, pilot, compiled }) =>
    runRouterCase(recorded, createRouter, tableOf(recorded, pilot, compiled)).map(
      (difference) => `${recorded.name} ${formatDifference(difference)}`,
    ),
  );
  assert.deepEqual(wrong, []);
});

/** What the two can have in common: endpoints come apart from clusters, chosen already, and what is hashed stands in routes alone. */
function comparable({ endpoints: _, selector: __, resolution, policy, ...cluster }: Cluster): unknown {
  const { loadBalancer, connectionPool, retryBudget, tls, ...rest } = policy;
  const { hash: ___, ...balancer } = { hash: undefined, ...loadBalancer };
  // Istio says by the kind of cluster alone that requests go where they were going.
  const isPassthrough = loadBalancer.kind === 'PASSTHROUGH';
  return {
    ...cluster,
    ...(resolution && !isPassthrough && { resolution }),
    policy: {
      ...rest,
      loadBalancer: balancer,
      // Envoy's interface files, as they are published for JavaScript, have no interval yet.
      ...(retryBudget && { retryBudget: { ...retryBudget, budgetIntervalMs: 0 } }),
      ...(connectionPool && !isPlain(connectionPool) && { connectionPool }),
      ...(tls && { tls }),
    },
  };
}

/** A rule that says something of connections, and nothing that is not so without it. */
function isPlain({ connectTimeoutMs, idleTimeoutMs, ...rest }: ConnectionPool): boolean {
  return connectTimeoutMs === 10_000 && idleTimeoutMs === 3_600_000 && Object.keys(rest).length === 0;
}

test('readCluster() gives the clusters that the compiler makes of the YAML', () => {
  for (const { recorded, pilot, compiled } of cases) {
    const byName = new Map(compiled.clusters.map((cluster) => [cluster.name, cluster]));
    for (const json of pilot.clusters) {
      const read = readCluster(message(ClusterSchema, json));
      assert.ok(read, recorded.name);
      const want = byName.get(read.name);
      assert.deepEqual(comparable(read.cluster), want && comparable(want), `${recorded.name} ${read.name}`);
    }
  }
});
