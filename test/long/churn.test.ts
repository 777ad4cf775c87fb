/**
 * Rules and endpoints that change ten thousand times a minute for CHURN_SECONDS (300), from a control plane (`xds://`) and
 * from an API server (`k8s://`), both of which fail now and then, and send what is refused. Calls go on all the while by
 * the last good rules, never by older ones; in the end the last ones hold, and no more memory is held than before.
 * CHURN_SEED (1) gives the same order of things.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { ClusterLoadAssignmentSchema } from '../../gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import { RouteConfigurationSchema } from '../../gen/envoy/config/route/v3/route_pb.ts';
import { ApiServer } from '../config/kubernetes/api-server.ts';
import { ControlPlane } from '../config/xds/control-plane.ts';
import { badCluster, badRoutes, cluster, listener, TYPE_URL } from '../config/xds/resources.ts';
import { type Program, start } from '../program.ts';
import { seeded } from '../router/policy/chance.ts';

const SECONDS = Number(process.env['CHURN_SECONDS'] ?? 300);
const SEED = Number(process.env['CHURN_SEED'] ?? 1);
const SERVICES = 60;
const ENDPOINTS = 10;
/** Ten thousand a minute, in bursts. */
const BURST = 17;
const BURST_MS = 100;
/** Something goes wrong every so often. */
const FAULT_MS = 3000;
const CALLERS = 4;
/** In less a heap is still on its way to its size: growth is told, and not judged. */
const SETTLED_SECONDS = 200;

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));
const hostOf = (service: number) => `svc-${service}.default.svc.cluster.local`;

/** Where the rules come from. */
interface Origin {
  readonly config: readonly string[];
  /** The service's rule sets this version from now on, on requests to these endpoints. */
  change(service: number, version: number, addresses: readonly string[]): void;
  /** A version of the service's rule that nobody can take. */
  refuse(service: number): void;
  /** Sends what has changed, where that does not go one by one. */
  flush(): void;
  /** Something goes wrong, which of several things is up to the number. */
  fail(which: number): Promise<void>;
  close(): Promise<void>;
}

/** An endpoint's address: all of 127.0.0.0/8 is this machine. */
const addressOf = (service: number, endpoint: number) => `127.1.${service}.${endpoint + 1}`;

async function controlPlane(upstreamPort: number): Promise<Origin> {
  let plane = new ControlPlane();
  const port = await plane.listen();
  const versions = new Map<number, number>();
  const assigned = new Map<number, Any>();
  const clusterOf = (service: number) => `outbound|80||${hostOf(service)}`;
  const routes = (): Any =>
    anyPack(
      RouteConfigurationSchema,
      create(RouteConfigurationSchema, {
        name: '80',
        virtualHosts: [...versions].map(([service, version]) => ({
          name: `${hostOf(service)}:80`,
          domains: [hostOf(service)],
          routes: [
            {
              match: { pathSpecifier: { case: 'prefix' as const, value: '/' } },
              requestHeadersToAdd: [{ header: { key: 'x-version', value: `${version}` } }],
              action: {
                case: 'route' as const,
                value: {
                  clusterSpecifier: { case: 'cluster' as const, value: clusterOf(service) },
                  timeout: {},
                },
              },
            },
          ],
        })),
      }),
    );
  /** Services whose clusters nobody can take for now. */
  const refused = new Set<number>();
  const flush = () => {
    const clusters = [...versions.keys()].map((service) =>
      (refused.has(service) ? badCluster : cluster)(clusterOf(service)),
    );
    // Those of another port nobody can take, so that those of this one are taken.
    const others = refused.size > 0 ? [badRoutes(81)] : [];
    plane.set(TYPE_URL.cluster, ...clusters);
    plane.set(TYPE_URL.endpoints, ...assigned.values());
    plane.set(TYPE_URL.listener, listener(80), listener(81));
    plane.set(TYPE_URL.routes, routes(), ...others);
    refused.clear();
  };
  return {
    config: ['--config', `xds://127.0.0.1:${port}`],
    change(service, version, addresses) {
      versions.set(service, version);
      const assignment = anyPack(
        ClusterLoadAssignmentSchema,
        create(ClusterLoadAssignmentSchema, {
          clusterName: clusterOf(service),
          endpoints: [{ lbEndpoints: addresses.map((address) => endpointAt(address, upstreamPort)) }],
        }),
      );
      assigned.set(service, assignment);
    },
    refuse: (service) => void refused.add(service),
    flush,
    async fail(which) {
      if (which % 3 > 0) return;
      await plane.close();
      await sleep(500);
      plane = new ControlPlane({ port, knowsDelta: which % 2 === 0 });
      flush();
      await plane.listen();
    },
    close: () => plane.close(),
  };
}

function endpointAt(address: string, port: number) {
  const portSpecifier = { case: 'portValue' as const, value: port };
  const socket = { case: 'socketAddress' as const, value: { address, portSpecifier } };
  return { hostIdentifier: { case: 'endpoint' as const, value: { address: { address: socket } } } };
}

async function apiServer(upstreamPort: number, folder: string): Promise<Origin> {
  const api = new ApiServer([
    ...['virtualservices', 'destinationrules', 'serviceentries', 'workloadentries', 'gateways'],
    ...['services', 'endpointslices', 'pods'],
  ]);
  const port = await api.listen();
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'churn',
      contexts: [{ name: 'churn', context: { cluster: 'churn' } }],
      clusters: [{ name: 'churn', cluster: { server: `http://127.0.0.1:${port}` } }],
    }),
  );
  const metadata = (name: string, labels?: object) => ({
    name,
    namespace: 'default',
    ...(labels && { labels }),
  });
  const putRule = (service: number, http: object[]) =>
    api.put('virtualservices', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: metadata(`svc-${service}`),
      spec: { hosts: [hostOf(service)], http },
    });
  const known = new Set<number>();
  return {
    config: ['--config', 'k8s://', '--kubeconfig', kubeconfig],
    change(service, version, addresses) {
      const name = `svc-${service}`;
      if (!known.has(service)) {
        known.add(service);
        const clusterIP = `10.96.0.${service + 1}`;
        const spec = { clusterIP, clusterIPs: [clusterIP], ports: [{ name: 'http', port: 80 }] };
        api.put('services', { metadata: metadata(name), spec });
      }
      api.put('endpointslices', {
        metadata: metadata(`${name}-a`, { 'kubernetes.io/service-name': name }),
        addressType: 'IPv4',
        ports: [{ name: 'http', port: upstreamPort }],
        endpoints: addresses.map((address) => ({
          addresses: [address],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', name: `${name}-${address}`, namespace: 'default' },
        })),
      });
      for (const address of addresses)
        if (version % 10 === 0)
          api.put('pods', { metadata: metadata(`${name}-${address}`, { version: `${version}` }) });
      putRule(service, [
        {
          headers: { request: { set: { 'x-version': `${version}` } } },
          route: [{ destination: { host: hostOf(service) } }],
        },
      ]);
    },
    refuse: (service) => putRule(service, [{ route: [] }]),
    flush() {},
    async fail(which) {
      switch (which % 5) {
        case 0:
          return api.endWatches();
        case 1:
          api.forget();
          return api.endWatches();
        case 2:
          api.fail(/watch/, { status: 500 }, 8);
          return api.endWatches();
        case 3:
          api.fail(/watch/, { status: 429, retryAfter: 1 }, 8);
          return api.endWatches();
        default:
          await api.close();
          await sleep(500);
          await api.listen(port);
      }
    },
    close: () => api.close(),
  };
}

function residentMiB(program: Program): number {
  const line = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

for (const kind of ['xds', 'k8s'] as const)
  test(`a gateway follows ${kind}:// through ${SECONDS} s of dense churn, and holds no more memory at the end`, {
    timeout: (SECONDS + 180) * 1000,
    skip: process.platform === 'linux' ? false : 'reads /proc',
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pointsman-churn-'));
    const upstream = http.createServer((request, response) => response.end(request.headers['x-version']));
    // One that closes at rest would now and then close what is just being used.
    upstream.keepAliveTimeout = 0;
    await new Promise<void>((done) => upstream.listen(0, '0.0.0.0', done));
    const upstreamPort = (upstream.address() as AddressInfo).port;
    const origin = kind === 'xds' ? await controlPlane(upstreamPort) : await apiServer(upstreamPort, folder);
    const random = seeded(SEED);
    const services = Array.from({ length: SERVICES }, (_, service) => service);
    const latest = services.map(() => 0);
    const endpointsOf = (service: number) =>
      Array.from({ length: ENDPOINTS }, (_, index) => addressOf(service, index)).filter(
        (_, index) => index === 0 || random() < 0.8,
      );
    const changeAll = () => {
      for (const service of services) origin.change(service, ++latest[service]!, endpointsOf(service));
      origin.flush();
    };
    changeAll();
    const program = start('cli/main.ts', [
      ...['serve', '--port', '0=80', '--admin-port', '0', '--namespace', 'default', ...origin.config],
    ]);
    try {
      const port = Number((await program.line(/listening on \S+:(\d+)/))[1]);
      const admin = Number((await program.line(/admin on \S+:(\d+)/))[1]);
      const agent = new http.Agent({ keepAlive: true });
      const ask = (service: number): Promise<string> =>
        new Promise((done, fail) => {
          const request = http.get(
            { host: '127.0.0.1', port, agent, headers: { host: hostOf(service) } },
            async (response) => {
              let text = '';
              for await (const piece of response) text += piece;
              done(response.statusCode === 200 ? text : `${response.statusCode} ${text}`);
            },
          );
          request.on('error', fail);
        });
      const untilMs = performance.now() + SECONDS * 1000;
      const isOver = () => performance.now() >= untilMs;
      const wrong: string[] = [];
      const counts = { calls: 0, changes: 0, faults: 0 };
      /** The version that a service's calls were answered by last. */
      const seen = services.map(() => 0);
      const call = async (caller: number): Promise<void> => {
        while (!isOver() && wrong.length < 10)
          for (const service of services) {
            if (service % CALLERS !== caller) continue;
            const answer = await ask(service).catch((error: unknown) => `${error}`);
            counts.calls++;
            const version = Number(answer);
            if (version >= seen[service]! && version <= latest[service]!) seen[service] = version;
            else wrong.push(`${hostOf(service)} after ${seen[service]} of ${latest[service]}: ${answer}`);
          }
      };
      const churn = async (): Promise<void> => {
        while (!isOver()) {
          for (let change = 0; change < BURST; change++) {
            const service = Math.floor(random() * SERVICES);
            if (random() < 0.05) origin.refuse(service);
            else origin.change(service, ++latest[service]!, endpointsOf(service));
            counts.changes++;
          }
          origin.flush();
          await sleep(BURST_MS);
        }
      };
      const fail = async (): Promise<void> => {
        for (await sleep(FAULT_MS); !isOver(); await sleep(FAULT_MS)) await origin.fail(counts.faults++);
      };
      const samples: number[] = [];
      const watch = async (): Promise<void> => {
        while (!isOver()) {
          samples.push(residentMiB(program));
          await sleep(Math.min(2000, SECONDS * 20));
        }
      };
      await Promise.all([
        ...Array.from({ length: CALLERS }, (_, caller) => call(caller)),
        ...[churn(), fail(), watch()],
      ]);
      assert.deepEqual(wrong, [], `seed ${SEED}`);
      changeAll();
      const healUntilMs = performance.now() + 90_000;
      for (const service of services)
        while ((await ask(service)) !== `${latest[service]}`) {
          assert.ok(performance.now() < healUntilMs, `${hostOf(service)} follows its last rule`);
          await sleep(100);
        }
      const { sources } = (await (await fetch(`http://127.0.0.1:${admin}/config`)).json()) as {
        readonly sources: readonly { readonly state: string }[];
      };
      assert.deepEqual(
        sources.map(({ state }) => state),
        ['connected'],
      );
      const third = Math.floor(samples.length / 3);
      const warm = Math.max(...samples.slice(third, 2 * third));
      const late = Math.max(...samples.slice(2 * third));
      console.log(
        `${kind}: ${counts.changes} changes, ${counts.faults} faults, ${counts.calls} calls; ` +
          `${warm.toFixed(0)} MiB warm, ${late.toFixed(0)} MiB at the end: ` +
          samples
            .filter((_, index) => index % Math.ceil(samples.length / 30) === 0)
            .map((each) => each.toFixed(0))
            .join(' '),
      );
      if (SECONDS >= SETTLED_SECONDS)
        assert.ok(late < warm * 1.1 + 15, `memory grew from ${warm} to ${late} MiB`);
      agent.destroy();
    } finally {
      program.kill('SIGKILL');
      await program.exit;
      await origin.close();
      upstream.closeAllConnections();
      await new Promise((done) => upstream.close(done));
      rmSync(folder, { recursive: true });
    }
  });
