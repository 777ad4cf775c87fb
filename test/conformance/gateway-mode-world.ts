/** One case's gateway, listeners and upstreams, and what came of its requests. */
import { readFileSync } from 'node:fs';
import { createGateway, type Gateway, type RequestOutcome } from '../../gateway/index.ts';
import {
  type Cluster,
  compile,
  createRouter,
  type Random,
  type Router,
  type Service,
} from '../../router/index.ts';
import { refusingPort } from '../closed-port.ts';
import { type Client, type ClientAnswer, openClient } from './gateway-mode-client.ts';
import { moveEndpoints } from './gateway-mode-resource.ts';
import {
  type EndpointRole,
  openUpstreamPort,
  type Seen,
  type UpstreamPort,
} from './gateway-mode-upstream.ts';
import { drawsAsRecorded, toRouteRequest, toValues } from './router-mode.ts';
import type { Case, CaseRequest, ExpectedResult, ScriptedAnswer } from './world.ts';

/** How long copies and outcomes that are still missing are waited for. */
const SETTLE_MS = 1000;

/** Ports for upstreams, used again by one case after the other. */
export class UpstreamPorts {
  readonly #free: UpstreamPort[] = [];
  readonly #all: UpstreamPort[] = [];

  async take(): Promise<UpstreamPort> {
    const free = this.#free.pop();
    if (free) return free;
    const opened = await openUpstreamPort();
    this.#all.push(opened);
    return opened;
  }

  giveBack(ports: readonly UpstreamPort[]): void {
    for (const port of ports) port.role = undefined;
    this.#free.push(...ports);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((port) => port.close()));
  }
}

/** What became of one request. */
export interface Observation {
  readonly answer: ClientAnswer;
  /** Endpoints of the cluster that the request was to go to. */
  readonly endpoints: ReadonlySet<string>;
  /** What those endpoints saw. */
  readonly tries: readonly Seen[];
  /** What all others saw. */
  readonly copies: readonly Seen[];
  /** Undefined where the gateway told none. */
  readonly outcome: RequestOutcome | undefined;
}

/** How often each thing happened. */
export type Counts = ReadonlyMap<string, number>;

/** What became of the repeats of one request. */
export interface RepeatedObservation {
  /** `200`, of gRPC `200 grpc 0`. */
  readonly status: Counts;
  /** `v1|greeter.default.svc.cluster.local`: an outcome does not tell the port. */
  readonly cluster: Counts;
  readonly endpoint: Counts;
  readonly mirror: Counts;
}

/** Waits. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function settle(holds: () => boolean): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  while (!holds() && performance.now() < until) await sleep(2);
}

interface Parts {
  readonly gateway: Gateway;
  readonly seen: readonly Seen[];
  readonly outcomes: readonly RequestOutcome[];
  readonly scripts: Map<string, readonly ScriptedAnswer[]>;
  readonly mainEndpoints: Map<string, ReadonlySet<string>>;
  /** What plays the address that clients dial; it is known by the cluster that leads there. */
  readonly dialled: { name: string };
  /** Its port. */
  readonly originalDestination: number;
  release(): void;
  setRandom(random: Random): void;
}

/** Runs from {@link open} to {@link close}. */
export class GatewayWorld {
  readonly #parts: Parts;
  readonly #listening = new Map<number, number>();
  readonly #router: Router;
  readonly #clusters: ReadonlyMap<string, Cluster>;

  private constructor(recorded: Case, parts: Parts) {
    this.#parts = parts;
    const { table } = compile(recorded.resources, recorded.options);
    this.#router = createRouter(table);
    this.#clusters = new Map(table.clusters.map((cluster) => [cluster.name, cluster]));
  }

  /** Starts what a case needs. */
  static async open(recorded: Case, ports: UpstreamPorts): Promise<GatewayWorld> {
    const taken: UpstreamPort[] = [];
    const seen: Seen[] = [];
    const outcomes: RequestOutcome[] = [];
    const scripts = new Map<string, readonly ScriptedAnswer[]>();
    const mainEndpoints = new Map<string, ReadonlySet<string>>();
    /** The endpoint's try of a request decides what it does; a copy of it does what is usual. */
    const scriptOf = (id: string, endpoint: string): ScriptedAnswer => {
      const script = scripts.get(id) ?? [];
      const isMain = mainEndpoints.get(id)?.has(endpoint) ?? true;
      if (!isMain || script.length === 0) return {};
      const tries = seen.filter(
        (each) => each.id === id && mainEndpoints.get(id)?.has(each.endpoint) !== false,
      );
      return script[Math.min(tries.length, script.length) - 1]!;
    };
    const { isRecordedHere } = recorded;
    const play = async (role: Pick<EndpointRole, 'name'>): Promise<number> => {
      const port = await ports.take();
      taken.push(port);
      port.role = Object.assign(role, {
        scriptOf,
        seen: (request: Seen) => void seen.push(request),
        isRecordedHere,
      });
      return port.port;
    };
    const portOf = (name: string): Promise<number> => play({ name });
    const dialled = { name: '' };
    const originalDestination = await play(dialled);
    const services = await Promise.all(
      recorded.options.services!.map(async (service, index): Promise<Service> => {
        const written = recorded.world.services[index]!;
        const endpoints = service.endpoints.map(async (endpoint, at) => {
          const port = written.endpoints[at]!.down ? await refusingPort() : await portOf(endpoint.id);
          const targets = Object.fromEntries(service.ports.map(({ name }) => [name, port]));
          return { ...endpoint, target: { kind: 'socket', address: '127.0.0.1', ports: targets } as const };
        });
        return { ...service, endpoints: await Promise.all(endpoints) };
      }),
    );
    const resources = await moveEndpoints(recorded.resources, portOf);
    let random: Random = byChance;
    const { proxy, meshConfig } = recorded.options;
    const gateway = createGateway({
      config: {
        name: 'case',
        async start(onSnapshot) {
          onSnapshot({ resources, issues: [], refused: [], unreadable: [] });
        },
      },
      remoteServices: services,
      ...(proxy && { proxy }),
      ...(meshConfig && { meshConfig }),
      random: (bound, purpose) => random(bound, purpose),
      metrics: { requestEnded: (outcome) => void outcomes.push(outcome) },
    });
    const release = (): void => ports.giveBack(taken);
    const setRandom = (next: Random): void => {
      random = next;
    };
    await gateway.ready();
    return new GatewayWorld(recorded, {
      gateway,
      seen,
      outcomes,
      scripts,
      mainEndpoints,
      dialled,
      originalDestination,
      release,
      setRandom,
    });
  }

  /** Ends the gateway; its upstreams' ports can be used again. */
  async close(): Promise<void> {
    await this.#parts.gateway.stop(0);
    this.#parts.release();
  }

  /** Clients of a sidecar are redirected to it, and it is told where they dialled. */
  async #client({ proto, port: servicePort, sni }: CaseRequest): Promise<Client> {
    const { gateway, originalDestination } = this.#parts;
    let port = this.#listening.get(servicePort);
    if (port === undefined) {
      const told = sni === undefined ? { proxyProtocol: true, useOriginalDst: true } : { tls: TLS };
      const isKnown = gateway.servicePorts().includes(servicePort);
      port = isKnown ? (await gateway.listen({ port: 0, servicePort, ...told })).port : await refusingPort();
      this.#listening.set(servicePort, port);
    }
    return openClient(proto, port, originalDestination, sni);
  }

  /** The names of those that the cluster's requests reach. */
  #endpointsOf(name: string | undefined): ReadonlySet<string> {
    if (name === undefined) return new Set();
    const cluster = this.#clusters.get(name);
    const isPassthrough = cluster?.policy.loadBalancer.kind === 'PASSTHROUGH';
    if (isPassthrough || name === 'PassthroughCluster') {
      this.#parts.dialled.name = name;
      return new Set([name]);
    }
    return new Set(
      cluster?.endpoints.map((each) => (each.kind === 'socket' ? `${each.address}:${each.port}` : each.id)),
    );
  }

  /** Sends the request, with the draws of its recording. */
  async ask(request: CaseRequest, expected: ExpectedResult): Promise<Observation> {
    const { id } = request;
    const { seen, outcomes, scripts, mainEndpoints, setRandom } = this.#parts;
    setRandom(drawsAsRecorded(this.#router, toRouteRequest(request), request, expected, this.#clusters));
    const endpoints = this.#endpointsOf(expected.cluster);
    scripts.set(id, request.upstream ?? []);
    mainEndpoints.set(id, endpoints);
    const before = outcomes.length;
    const client = await this.#client(request);
    const answer = await client.send(request, id);
    client.close();
    const here = (isMain: boolean): Seen[] =>
      seen.filter((each) => each.id === id && endpoints.has(each.endpoint) === isMain);
    const wantsOutcome = expected.responseCodeDetails !== undefined;
    await settle(
      () =>
        (!wantsOutcome || outcomes.length > before) &&
        here(false).length >= (expected.mirrors?.length ?? 0) &&
        here(false).every(({ body }) => body !== undefined),
    );
    return { answer, endpoints, tries: here(true), copies: here(false), outcome: outcomes[before] };
  }

  /** Sends the request as often as it says, and counts. */
  async askRepeatedly(request: CaseRequest, expected: ExpectedResult): Promise<RepeatedObservation> {
    const { id, repeat = 1, parallel = 1 } = request;
    const { seen, outcomes, scripts, mainEndpoints, setRandom } = this.#parts;
    setRandom(byChance);
    const outcomesBefore = outcomes.length;
    const seenBefore = seen.length;
    const clusters = Object.keys(expected.counts?.cluster ?? {});
    const main = new Set(clusters.flatMap((cluster) => [...this.#endpointsOf(cluster)]));
    const copied = new Set(Object.keys(expected.counts?.mirror ?? {}));
    const status = new Map<string, number>();
    let next = 0;
    const sender = async (): Promise<void> => {
      const client = await this.#client(request);
      while (next < repeat) {
        const one = `${id}-${next++}`;
        scripts.set(one, request.upstream ?? []);
        if (request.upstream) mainEndpoints.set(one, main);
        const answer = await client.send(request, one);
        const grpc = toValues([...answer.headers, ...answer.trailers])['grpc-status']?.[0];
        count(status, grpc === undefined ? `${answer.status}` : `${answer.status} grpc ${grpc}`);
      }
      client.close();
    };
    await Promise.all(Array.from({ length: parallel }, sender));
    await settle(() => outcomes.length >= outcomesBefore + repeat);
    if (copied.size > 0) await sleep(50);
    const cluster = new Map<string, number>();
    for (const { host, subset } of outcomes.slice(outcomesBefore))
      if (host) count(cluster, `${subset ?? ''}|${host}`);
    const endpoint = new Map<string, number>();
    const mirror = new Map<string, number>();
    for (const { endpoint: name } of seen.slice(seenBefore))
      count(main.has(name) && !copied.has(name) ? endpoint : mirror, name);
    return { status, cluster, endpoint, mirror };
  }
}

const pem = (name: string): string =>
  readFileSync(new URL(`../fixture/tls/${name}.pem`, import.meta.url), 'utf8');
const TLS = { cert: pem('cert'), key: pem('key') };

const byChance: Random = (bound) => Math.floor(Math.random() * bound);

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
