/**
 * One istiod over files, and two that follow it over xDS: a stock Envoy and a gateway. Cases come and go as its files do;
 * both sides get the same requests, and go to the same upstreams.
 */
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeOf } from '../../config/xds/node.ts';
import { xdsSource } from '../../config/xds/source.ts';
import { createGateway, type Gateway } from '../../gateway/index.ts';
import { closedPort, refusingPort } from '../closed-port.ts';
import { type Envoy, ISTIO_RUNTIME, startEnvoy } from '../peer/envoy.ts';
import { findPeer } from '../peer/find.ts';
import { type Istiod, startIstiod } from '../peer/istiod.ts';
import { type Client, type ClientAnswer, openClient } from './gateway-mode-client.ts';
import { moveEndpoints } from './gateway-mode-resource.ts';
import { openUpstreamPort, type Seen, type UpstreamPort } from './gateway-mode-upstream.ts';
import { sleep } from './gateway-mode-world.ts';
import type { Case, CaseRequest, ScriptedAnswer } from './world.ts';

/** Both are told the same by istiod. */
export type Side = 'envoy' | 'own';

/** What became of one request. */
export interface SidecarObservation {
  readonly answer: ClientAnswer;
  /** What upstreams saw of it, copies too. */
  readonly seen: readonly Seen[];
  readonly route: string | undefined;
  readonly cluster: string | undefined;
  readonly flags: string | undefined;
  readonly details: string | undefined;
}

/** A line of the access log of either. */
type AccessLine = Readonly<Record<'id', string>> &
  Readonly<Partial<Record<'route' | 'cluster' | 'flags' | 'details', string | null>>>;

const ACCESS_LOG = {
  id: '%REQ(X-ORACLE-ID)%',
  route: '%ROUTE_NAME%',
  cluster: '%UPSTREAM_CLUSTER_RAW%',
  flags: '%RESPONSE_FLAGS%',
  details: '%RESPONSE_CODE_DETAILS%',
} as const;

/** Else Envoy waits for certificates of the mesh before it says that it is ready. */
const PLAINTEXT = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: istio-system }
spec: { mtls: { mode: DISABLE } }
`;
/** How long a case may take to be in effect at both. */
const FOLLOW_LIMIT_MS = 30_000;
/** How long a line of the access log, or an outcome, may be missing. */
const TOLD_LIMIT_MS = 5000;
const POLL_MS = 10;
/** Requests of each side at a time. */
const LANES = 4;

/** Runs from {@link open} to {@link close}. */
export class SidecarWorld {
  readonly #folder: string;
  readonly #istiod: Istiod;
  readonly #envoy: Envoy;
  readonly #gateway: Gateway;
  readonly #ports: Readonly<Record<'front' | 'admin', number>>;
  readonly #listening = new Map<number, number>();
  readonly #upstreams = new Map<string, Promise<UpstreamPort>>();
  readonly #scripts = new Map<string, readonly ScriptedAnswer[]>();
  readonly #seen = new Map<string, Seen[]>();
  readonly #lines: Map<string, AccessLine>;
  #logOffset = 0;
  #cases = 0;

  private constructor(
    folder: string,
    parts: { istiod: Istiod; envoy: Envoy; gateway: Gateway; lines: Map<string, AccessLine> },
    ports: Readonly<Record<'front' | 'admin', number>>,
  ) {
    this.#folder = folder;
    this.#istiod = parts.istiod;
    this.#envoy = parts.envoy;
    this.#gateway = parts.gateway;
    this.#lines = parts.lines;
    this.#ports = ports;
  }

  /** Starts istiod, Envoy and the gateway, as the sidecar of a workload with these labels in this namespace. */
  static async open(identity: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  }): Promise<SidecarWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'pointsman-sidecar-'));
    mkdirSync(join(folder, 'rules'));
    writeFileSync(join(folder, 'rules/plaintext.yaml'), PLAINTEXT);
    const log = join(folder, 'access.log');
    writeFileSync(log, '');
    const [front, admin, outbound, inbound] = await Promise.all(Array.from({ length: 4 }, closedPort));
    const ports = { front: front!, admin: admin! };
    const meshConfig = {
      enableAutoMtls: false,
      proxyListenPort: outbound,
      proxyInboundListenPort: inbound,
      accessLogFile: log,
      accessLogEncoding: 'JSON',
      accessLogFormat: JSON.stringify(ACCESS_LOG),
    };
    const istiod = await startIstiod(join(folder, 'rules'), folder, { meshConfig });
    try {
      const envoy = await startEnvoy(
        findPeer('envoy')!,
        folder,
        bootstrap(istiod.address, nodeOf(identity, false), ports.front),
        ports.admin,
      );
      const lines = new Map<string, AccessLine>();
      const gateway = createGateway({
        config: xdsSource(`xds://${istiod.address}`, { identity }),
        accessLog: { format: ACCESS_LOG, write: (line) => note(lines, line) },
      });
      await gateway.ready();
      return new SidecarWorld(folder, { istiod, envoy, gateway, lines }, ports);
    } catch (error) {
      istiod.kill();
      throw error;
    }
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await this.#gateway.stop(0);
    await this.#envoy.stop();
    this.#istiod.kill();
    for (const port of this.#upstreams.values()) await (await port).close();
    rmSync(this.#folder, { recursive: true });
  }

  /** The case takes the place of the one before; resolves once both sides have it. */
  async use(recorded: Case): Promise<void> {
    this.#scripts.clear();
    this.#seen.clear();
    this.#lines.clear();
    const marker = `case-${this.#cases++}.pointsman.test`;
    const { services } = recorded.options;
    const byPort = new Map(
      services!.flatMap(({ ports }) =>
        ports.filter(({ protocol }) => protocol !== 'TCP').map((port) => [port.number, port] as const),
      ),
    );
    const documents = [
      ...(await this.#serviceEntries(recorded)),
      ...(await moveEndpoints(recorded.resources, (name) => this.#portOf(name))),
      ...markerOf(marker, [...byPort.values()]),
    ];
    this.#write(documents);
    const since = performance.now();
    for (const [port, { protocol }] of byPort)
      for (const side of ['envoy', 'own'] as const)
        while (!(await this.#hasMarker(side, marker, port, protocol)) || !(await this.#isWarm())) {
          if (performance.now() - since > FOLLOW_LIMIT_MS)
            throw new Error(
              `${recorded.name} is not in effect at ${side} on port ${port}: ${this.#istiod.said()}`,
            );
          await sleep(POLL_MS);
        }
  }

  /** At once, so that istiod never reads a half. */
  #write(documents: readonly object[]): void {
    const part = join(this.#folder, 'case.yaml.part');
    writeFileSync(
      part,
      documents.map((each) => JSON.stringify({ ...each, source: undefined })).join('\n---\n'),
    );
    renameSync(part, join(this.#folder, 'rules/case.yaml'));
  }

  async #hasMarker(side: Side, marker: string, port: number, protocol: string): Promise<boolean> {
    const client = await this.#client(side, protocol === 'GRPC' ? 'h2' : 'h1', port);
    const request = {
      id: marker,
      proto: 'h1',
      port,
      method: 'GET',
      authority: `${marker}:${port}`,
      path: '/',
    };
    const { status } = await client.send(request as CaseRequest, marker);
    client.close();
    return status === 200;
  }

  /** Envoy has all that it has been told of in use. */
  async #isWarm(): Promise<boolean> {
    const filter = 'total_listeners_warming|cluster_manager.warming_clusters';
    const answer = await fetch(`http://127.0.0.1:${this.#ports.admin}/stats?filter=${filter}`);
    return (await answer.text()).split('\n').every((line) => line === '' || line.endsWith(': 0'));
  }

  /** As Kubernetes services are told to an istiod that has no Kubernetes. */
  #serviceEntries({ options, world }: Case): Promise<object[]> {
    return Promise.all(
      options.services!.map(async ({ host, namespace, ports, addresses, endpoints }, index) => ({
        apiVersion: 'networking.istio.io/v1',
        kind: 'ServiceEntry',
        metadata: { name: `service-${index}`, namespace, creationTimestamp: '2025-01-01T00:00:00Z' },
        spec: {
          hosts: [host],
          addresses,
          ports,
          location: 'MESH_INTERNAL',
          resolution: 'STATIC',
          endpoints: await Promise.all(
            endpoints.map(async ({ id, labels }, at) => {
              const own: Record<string, number> = {};
              for (const { name, number } of ports)
                own[name] = world.services[index]!.endpoints[at]!.down
                  ? await refusingPort()
                  : await this.#portOf(`${id}:${number}`);
              return { address: '127.0.0.1', labels, ports: own };
            }),
          ),
        },
      })),
    );
  }

  /** Of an endpoint; the same in all cases, so that istiod has less to tell. */
  async #portOf(name: string): Promise<number> {
    let opening = this.#upstreams.get(name);
    if (opening === undefined) {
      opening = openUpstreamPort();
      this.#upstreams.set(name, opening);
      const port = await opening;
      port.role = {
        name,
        isRecordedHere: true,
        seen: (request) => {
          const all = this.#seen.get(request.id);
          if (all) all.push(request);
          else this.#seen.set(request.id, [request]);
        },
        scriptOf: (id, endpoint) => {
          const script = this.#scripts.get(id) ?? [];
          const tries = this.#seen.get(id)?.filter((each) => each.endpoint === endpoint).length ?? 1;
          return script[Math.min(tries, script.length) - 1] ?? {};
        },
      };
    }
    return (await opening).port;
  }

  async #client(side: Side, proto: CaseRequest['proto'], servicePort: number): Promise<Client> {
    if (side === 'envoy') return openClient(proto, this.#ports.front, servicePort);
    let port = this.#listening.get(servicePort);
    if (port === undefined) {
      const listening = await this.#gateway.listen({
        ...{ port: 0, servicePort, hostname: '127.0.0.1' },
        ...{ proxyProtocol: true, useOriginalDst: true },
      });
      port = listening.port;
      this.#listening.set(servicePort, port);
    }
    return openClient(proto, port, servicePort);
  }

  /**
   * Sends requests to one side, some at a time, and tells what became of each, in their order. An id is said once in a
   * case.
   */
  async ask(
    side: Side,
    requests: readonly { readonly id: string; readonly request: CaseRequest }[],
  ): Promise<readonly SidecarObservation[]> {
    const answers: ClientAnswer[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let index = next++; index < requests.length; index = next++) {
        const { id, request } = requests[index]!;
        if (request.upstream) this.#scripts.set(`${side} ${id}`, request.upstream);
        const client = await this.#client(side, request.proto, request.port);
        answers[index] = await client.send(request, `${side} ${id}`);
        client.close();
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const until = performance.now() + TOLD_LIMIT_MS;
    while (!requests.every(({ id }) => this.#lines.has(`${side} ${id}`)) && performance.now() < until) {
      await sleep(POLL_MS);
      this.#readLog();
    }
    return requests.map(({ id }, index) => {
      const { route, cluster, flags, details } = this.#lines.get(`${side} ${id}`) ?? {};
      return {
        answer: answers[index]!,
        seen: this.#seen.get(`${side} ${id}`) ?? [],
        route: wordOf(route),
        cluster: wordOf(cluster),
        flags: wordOf(flags),
        details: wordOf(details),
      };
    });
  }

  #readLog(): void {
    const file = openSync(join(this.#folder, 'access.log'), 'r');
    const chunks: Buffer[] = [];
    const chunk = Buffer.alloc(65_536);
    for (let at = this.#logOffset; ; ) {
      const length = readSync(file, chunk, 0, chunk.length, at);
      if (length === 0) break;
      chunks.push(Buffer.from(chunk.subarray(0, length)));
      at += length;
    }
    closeSync(file);
    const bytes = Buffer.concat(chunks);
    const end = bytes.lastIndexOf('\n') + 1;
    this.#logOffset += end;
    for (const text of bytes.toString('utf8', 0, end).split('\n')) if (text !== '') note(this.#lines, text);
  }
}

function note(lines: Map<string, AccessLine>, text: string): void {
  const line: AccessLine = JSON.parse(text);
  lines.set(line.id, line);
}

/** Envoy writes null, nothing, or a dash where it has nothing to tell. */
function wordOf(text: string | null | undefined): string | undefined {
  return text === null || text === '' || text === '-' ? undefined : text;
}

/** A host of its own on each port, which tells that the routes of the port are those of the case. */
function markerOf(
  host: string,
  ports: readonly { name: string; number: number; protocol: string }[],
): object[] {
  const metadata = { name: 'marker', namespace: 'pointsman-marker' };
  const apiVersion = 'networking.istio.io/v1';
  const endpoints = [{ address: '127.0.0.1' }];
  const named = ports.map((port) => ({ ...port, name: `port-${port.number}` }));
  return [
    {
      ...{ apiVersion, kind: 'ServiceEntry', metadata },
      spec: { hosts: [host], ports: named, location: 'MESH_INTERNAL', resolution: 'STATIC', endpoints },
    },
    {
      ...{ apiVersion, kind: 'VirtualService', metadata },
      spec: { hosts: [host], http: [{ directResponse: { status: 200 } }] },
    },
  ];
}

/**
 * An Envoy that takes all from istiod. Clients come by a listener of its own, and say in a PROXY header where they were
 * going: what iptables does for a sidecar. From there on it is istiod's listeners.
 */
function bootstrap(address: string, node: object, front: number): object {
  const [host, port] = address.split(':');
  const typed = (name: string, config: object = {}) => ({
    '@type': `type.googleapis.com/${name}`,
    ...config,
  });
  const ads = { resourceApiVersion: 'V3', ads: {} };
  const http2 = typed('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
    explicitHttpConfig: { http2ProtocolOptions: {} },
  });
  return {
    node,
    dynamicResources: {
      adsConfig: {
        ...{ apiType: 'DELTA_GRPC', transportApiVersion: 'V3', setNodeOnFirstMessageOnly: true },
        grpcServices: [{ envoyGrpc: { clusterName: 'istiod' } }],
      },
      ...{ cdsConfig: ads, ldsConfig: ads },
    },
    staticResources: {
      clusters: [
        {
          ...{ name: 'istiod', type: 'STATIC', connectTimeout: '5s' },
          typedExtensionProtocolOptions: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2 },
          loadAssignment: {
            clusterName: 'istiod',
            endpoints: [
              {
                lbEndpoints: [
                  { endpoint: { address: { socketAddress: { address: host, portValue: Number(port) } } } },
                ],
              },
            ],
          },
        },
      ],
      listeners: [
        {
          ...{ name: 'front', useOriginalDst: true },
          address: { socketAddress: { address: '127.0.0.1', portValue: front } },
          listenerFilters: [
            {
              name: 'envoy.filters.listener.proxy_protocol',
              typedConfig: typed('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'),
            },
          ],
          filterChains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.tcp_proxy',
                  typedConfig: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
                    ...{ statPrefix: 'front', cluster: 'BlackHoleCluster' },
                  }),
                },
              ],
            },
          ],
        },
      ],
    },
    layeredRuntime: { layers: [{ name: 'static', staticLayer: ISTIO_RUNTIME }] },
  };
}
