/**
 * Drives real listeners and real upstreams through a case, and compares what client and upstreams saw with what was
 * recorded. Everything counts that a gateway alone can show: tries, timeouts, faults, copies, what goes on the wire.
 */
import { createGateway, type Gateway, type RequestOutcome } from '../../gateway/index.ts';
import {
  type Cluster,
  compile,
  createRouter,
  type Random,
  type Router,
  type Service,
  type ValidResource,
} from '../../router/index.ts';
import { type Comparison, createComparison, type Difference, fitsSameDistribution } from './compare.ts';
import { type Client, type ClientAnswer, openClient } from './gateway-mode-client.ts';
import { closedPort, openUpstreamPort, type Seen, type UpstreamPort } from './gateway-mode-upstream.ts';
import { drawsAsRecorded, pick, toRouteRequest, toValues } from './router-mode.ts';
import type {
  Case,
  CaseRequest,
  ExpectedResult,
  ExpectedUpstream,
  HeaderValues,
  ScriptedAnswer,
} from './world.ts';

/** Timers fire late on a machine that is busy, and back-off is by chance. */
const ELAPSED = { below: 0.85, belowMs: 20, above: 1.25, aboveMs: 250 };
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

/** The differences of a case; empty when the gateway does what was recorded. */
export async function runGatewayCase(recorded: Case, ports: UpstreamPorts): Promise<readonly Difference[]> {
  const world = await GatewayWorld.open(recorded, ports);
  const comparison = createComparison();
  try {
    for (const [index, request] of recorded.world.requests.entries()) {
      const expected = recorded.expected.results[index];
      if (!expected) continue;
      if (request.waitMs) await sleep(request.waitMs);
      if (expected.counts) await world.runRepeated(comparison, request, expected);
      else await world.runOnce(comparison, request, expected, recorded.expected.varies?.[request.id] ?? []);
    }
  } finally {
    await world.close();
  }
  return comparison.differences;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function settle(holds: () => boolean): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  while (!holds() && performance.now() < until) await sleep(2);
}

/** One case's gateway, listeners and upstreams. */
class GatewayWorld {
  readonly #gateway: Gateway;
  readonly #listening = new Map<number, number>();
  readonly #seen: Seen[];
  readonly #outcomes: RequestOutcome[];
  readonly #scripts: Map<string, readonly ScriptedAnswer[]>;
  readonly #mainEndpoints: Map<string, ReadonlySet<string>>;
  readonly #router: Router;
  readonly #clusters: ReadonlyMap<string, Cluster>;
  readonly #release: () => void;
  readonly #setRandom: (random: Random) => void;
  /** What the case is about: `destinationRule.consistentHash`. */
  readonly #features: readonly string[];
  /** Where requests of the same words went, here and in the recording. */
  readonly #wentTo = new Map<string, { readonly recorded: string; readonly here: string }>();

  private constructor(parts: {
    gateway: Gateway;
    seen: Seen[];
    outcomes: RequestOutcome[];
    scripts: Map<string, readonly ScriptedAnswer[]>;
    mainEndpoints: Map<string, ReadonlySet<string>>;
    recorded: Case;
    release: () => void;
    setRandom: (random: Random) => void;
  }) {
    this.#gateway = parts.gateway;
    this.#seen = parts.seen;
    this.#outcomes = parts.outcomes;
    this.#scripts = parts.scripts;
    this.#mainEndpoints = parts.mainEndpoints;
    this.#release = parts.release;
    this.#setRandom = parts.setRandom;
    this.#features = parts.recorded.world.features;
    const { table } = compile(parts.recorded.resources, parts.recorded.options);
    this.#router = createRouter(table);
    this.#clusters = new Map(table.clusters.map((cluster) => [cluster.name, cluster]));
  }

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
    const portOf = async (name: string): Promise<number> => {
      const port = await ports.take();
      taken.push(port);
      port.role = { name, scriptOf, seen: (request) => void seen.push(request) };
      return port.port;
    };
    const services = await Promise.all(
      recorded.options.services!.map(async (service, index): Promise<Service> => {
        const written = recorded.world.services[index]!;
        const endpoints = service.endpoints.map(async (endpoint, at) => {
          const port = written.endpoints[at]!.down ? await closedPort() : await portOf(endpoint.id);
          const targets = Object.fromEntries(service.ports.map(({ name }) => [name, port]));
          return { ...endpoint, target: { kind: 'socket', address: '127.0.0.1', ports: targets } as const };
        });
        return { ...service, endpoints: await Promise.all(endpoints) };
      }),
    );
    const resources = await Promise.all(recorded.resources.map((resource) => moved(resource, portOf)));
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
    return new GatewayWorld({
      gateway,
      seen,
      outcomes,
      scripts,
      mainEndpoints,
      recorded,
      release,
      setRandom,
    });
  }

  async close(): Promise<void> {
    await this.#gateway.stop(0);
    this.#release();
  }

  async #client(request: CaseRequest): Promise<Client> {
    let port = this.#listening.get(request.port);
    if (port === undefined) {
      port = (await this.#gateway.listen({ port: 0, servicePort: request.port })).port;
      this.#listening.set(request.port, port);
    }
    return openClient(request.proto, port);
  }

  #endpointsOf(cluster: string | undefined): ReadonlySet<string> {
    return new Set(this.#clusters.get(cluster ?? '')?.endpoints.map(({ id }) => id) ?? []);
  }

  async runOnce(
    comparison: Comparison,
    request: CaseRequest,
    expected: ExpectedResult,
    varies: readonly string[],
  ): Promise<void> {
    const { id } = request;
    const routed = toRouteRequest(request);
    this.#setRandom(drawsAsRecorded(this.#router, routed, request, expected, this.#clusters));
    const endpoints = this.#endpointsOf(expected.cluster);
    this.#scripts.set(id, request.upstream ?? []);
    this.#mainEndpoints.set(id, endpoints);
    const before = this.#outcomes.length;
    const client = await this.#client(request);
    const answer = await client.send(request, id);
    client.close();
    const tries = (): Seen[] => this.#seen.filter((each) => each.id === id && endpoints.has(each.endpoint));
    const copies = (): Seen[] => this.#seen.filter((each) => each.id === id && !endpoints.has(each.endpoint));
    const wantsOutcome = expected.responseCodeDetails !== undefined;
    await settle(
      () =>
        (!wantsOutcome || this.#outcomes.length > before) &&
        copies().length >= (expected.mirrors?.length ?? 0) &&
        copies().every(({ body }) => body !== undefined),
    );
    const check = (field: string, want: unknown, got: unknown): void => {
      if (!varies.includes(field)) comparison.equal(id, field, want, got);
    };
    this.#compareAnswer(check, request, expected, answer, endpoints);
    this.#compareTries(check, request, expected, tries(), endpoints);
    check('mirrors', (expected.mirrors ?? []).map(mirrorText).sort(), copies().map(mirrorText).sort());
    if (!wantsOutcome) return;
    const outcome = this.#outcomes[before];
    check('responseFlags', expected.responseFlags, outcome?.flag);
    const { host, subset } = expected.destination ?? {};
    if (outcome) check('destination', { host, subset }, { host: outcome.host, subset: outcome.subset });
    if (expected.route !== undefined) check('route', expected.route, outcome?.route);
  }

  #compareAnswer(
    check: (field: string, want: unknown, got: unknown) => void,
    request: CaseRequest,
    expected: ExpectedResult,
    answer: ClientAnswer,
    endpoints: ReadonlySet<string>,
  ): void {
    const isAnyOf = endpoints.size > 1;
    const asAny = (text: string): string => (isAnyOf ? anyEndpoint(text, endpoints) : text);
    check('error', expected.error !== undefined, answer.error !== undefined && answer.error);
    check('status', expected.status, answer.status);
    const shown = (values: HeaderValues): HeaderValues =>
      Object.fromEntries(
        Object.entries(pick(values, isComparable)).map(([name, each]) => [
          name,
          name === 'x-upstream' ? each.map(asAny) : each,
        ]),
      );
    check(
      'headers',
      withoutCookieValues(shown(expected.headers ?? {})),
      withoutCookieValues(shown(toValues(answer.headers))),
    );
    check(
      'trailers',
      expected.trailers ?? {},
      pick(toValues(answer.trailers), () => true),
    );
    if (expected.responseCodeDetails !== undefined || expected.status === undefined)
      check('body', asAny(expected.body ?? ''), asAny(answer.body));
    const { elapsedMs } = expected;
    if (!request.timed || elapsedMs === undefined) return;
    const { below, belowMs, above, aboveMs } = ELAPSED;
    const isNear =
      answer.elapsedMs >= elapsedMs * below - belowMs && answer.elapsedMs <= elapsedMs * above + aboveMs;
    if (!isNear) check('elapsedMs', elapsedMs, Math.round(answer.elapsedMs));
  }

  #compareTries(
    check: (field: string, want: unknown, got: unknown) => void,
    request: CaseRequest,
    expected: ExpectedResult,
    tries: readonly Seen[],
    endpoints: ReadonlySet<string>,
  ): void {
    check('attempts', expected.attempts, tries.length);
    if (endpoints.size === 1 && expected.attemptEndpoints)
      check(
        'attemptEndpoints',
        expected.attemptEndpoints,
        tries.map(({ endpoint }) => endpoint),
      );
    const want = expected.upstream;
    const got = tries.at(-1);
    if (!want || !got) return;
    if (endpoints.size === 1) check('upstream.endpoint', want.endpoint, got.endpoint);
    else if (this.#isAbout('consistentHash'))
      this.#compareStickiness(check, request, want.endpoint, got.endpoint);
    for (const field of ['proto', 'method', 'path', 'authority'] as const)
      check(`upstream.${field}`, want[field], got[field]);
    const isTimed = (name: string): boolean => name === 'x-envoy-expected-rq-timeout-ms' && tries.length > 1;
    const { headers } = request;
    const sent = new Set((headers ?? []).map(([name]) => name.toLowerCase()));
    const shown = (values: HeaderValues): HeaderValues =>
      pick(values, (name) => isUpstreamComparable(name, sent) && !isTimed(name));
    check('upstream.headers', shown(want.headers), shown(toValues(got.headers)));
    if (want.body !== undefined) check('upstream.body', want.body, got.body);
  }

  #isAbout(what: string): boolean {
    return this.#features.some((feature) => feature.includes(what));
  }

  /** A hash's choice depends on the endpoints' addresses, which are others here; that it stays the same does not. */
  #compareStickiness(
    check: (field: string, want: unknown, got: unknown) => void,
    { authority, path, headers }: CaseRequest,
    recorded: string,
    here: string,
  ): void {
    const words = JSON.stringify([authority, path, headers]);
    const before = this.#wentTo.get(words);
    this.#wentTo.set(words, { recorded, here });
    if (before) check('same endpoint', before.recorded === recorded, before.here === here);
  }

  async runRepeated(comparison: Comparison, request: CaseRequest, expected: ExpectedResult): Promise<void> {
    const { id, repeat = 1, parallel = 1 } = request;
    const counts = expected.counts!;
    this.#setRandom(byChance);
    const before = this.#outcomes.length;
    const main = new Set(
      Object.keys(counts.cluster ?? {}).flatMap((cluster) => [...this.#endpointsOf(cluster)]),
    );
    const copied = new Set(Object.keys(counts.mirror ?? {}));
    const seenBefore = this.#seen.length;
    const status = new Map<string, number>();
    let next = 0;
    const sender = async (): Promise<void> => {
      const client = await this.#client(request);
      while (next < repeat) {
        const one = `${id}-${next++}`;
        this.#scripts.set(one, request.upstream ?? []);
        if (request.upstream) this.#mainEndpoints.set(one, main);
        const answer = await client.send(request, one);
        const grpc = toValues([...answer.headers, ...answer.trailers])['grpc-status']?.[0];
        add(status, grpc === undefined ? `${answer.status}` : `${answer.status} grpc ${grpc}`);
      }
      client.close();
    };
    await Promise.all(Array.from({ length: parallel }, sender));
    await settle(() => this.#outcomes.length >= before + repeat);
    if (copied.size > 0) await sleep(50);
    const clusters = new Map<string, number>();
    for (const { host, subset } of this.#outcomes.slice(before))
      if (host) add(clusters, `${subset ?? ''}|${host}`);
    const endpoints = new Map<string, number>();
    const mirrors = new Map<string, number>();
    for (const { endpoint } of this.#seen.slice(seenBefore))
      add(main.has(endpoint) && !copied.has(endpoint) ? endpoints : mirrors, endpoint);
    const compare = (
      field: string,
      want: Readonly<Record<string, number>> | undefined,
      got: Map<string, number>,
    ): void => {
      if (!fitsSameDistribution(new Map(Object.entries(want ?? {})), got))
        comparison.equal(id, `counts.${field}`, want, Object.fromEntries(got));
    };
    // Where a limit on what waits decides, how often depends on timing: that it happens is what counts.
    if (this.#isAbout('connectionPool')) {
      comparison.equal(
        id,
        'counts.status',
        Object.keys(counts.status ?? {}).sort(),
        [...status.keys()].sort(),
      );
      return;
    }
    compare('status', counts.status, status);
    compare('cluster', withoutPort(counts.cluster ?? {}), clusters);
    if (this.#isAbout('consistentHash'))
      compare(
        'endpoint',
        byRank(counts.endpoint ?? {}),
        new Map(Object.entries(byRank(Object.fromEntries(endpoints)))),
      );
    else compare('endpoint', counts.endpoint, endpoints);
    compare('mirror', counts.mirror, mirrors);
  }
}

const byChance: Random = (bound) => Math.floor(Math.random() * bound);

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** `outbound|80|v1|host` as `v1|host`: an outcome does not tell the port. */
function withoutPort(counts: Readonly<Record<string, number>>): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [name, count] of Object.entries(counts)) {
    const key = name.split('|').slice(2).join('|');
    out[key] = (out[key] ?? 0) + count;
  }
  return out;
}

/** The counts without the names: how many went to the first, the second, and so on. */
function byRank(counts: Readonly<Record<string, number>>): Record<string, number> {
  const sorted = Object.values(counts).sort((a, b) => b - a);
  return Object.fromEntries(sorted.map((count, rank) => [`${rank}`, count]));
}

/** A ServiceEntry's endpoints are played by ports of this machine, under their own addresses' names. */
async function moved(
  resource: ValidResource,
  portOf: (name: string) => Promise<number>,
): Promise<ValidResource> {
  if (resource.kind !== 'ServiceEntry') return resource;
  const { ports = [], endpoints = [] } = resource.spec;
  const there = await Promise.all(
    endpoints.map(async (endpoint) => {
      const targets: Record<string, number> = {};
      for (const { name, number } of ports) targets[name] = await portOf(`${endpoint.address}:${number}`);
      return { ...endpoint, address: '127.0.0.1', ports: targets };
    }),
  );
  return { ...resource, spec: { ...resource.spec, endpoints: there } };
}

/** `upstream greeter-v2` with any of the endpoints. */
function anyEndpoint(text: string, endpoints: ReadonlySet<string>): string {
  const name = text.replace(/^upstream /, '');
  return endpoints.has(name) ? 'any endpoint' : text;
}

/** What the connection says about an answer, the proxy about itself, and a length of nothing. */
function isComparable(name: string, values: readonly string[] = []): boolean {
  if (['server', 'connection', 'date', 'transfer-encoding', 'keep-alive', 'x-request-id'].includes(name))
    return false;
  if (name === 'content-length' && values[0] === '0') return false;
  return !name.startsWith('x-envoy-');
}

/** What Envoy says of itself to upstreams is its own; how often it tried, and for how long, is not. */
const TOLD = new Set(['x-envoy-attempt-count', 'x-envoy-expected-rq-timeout-ms']);

function isUpstreamComparable(name: string, sent: ReadonlySet<string>): boolean {
  if (name.startsWith('x-envoy-')) return TOLD.has(name);
  if (['x-request-id', 'transfer-encoding', 'connection', 'keep-alive', 'content-length'].includes(name))
    return false;
  return !name.startsWith('x-forwarded-') || sent.has(name);
}

function mirrorText({ endpoint, proto, method, authority, path, body }: ExpectedUpstream | Seen): string {
  const isGrpc = proto === 'h2';
  return `${endpoint} ${proto} ${method} ${authority} ${path} ${isGrpc ? '' : (body ?? '')}`.trim();
}

/** A cookie that the gateway makes has a value of its own. */
function withoutCookieValues(values: HeaderValues): HeaderValues {
  const cookies = values['set-cookie'];
  if (!cookies) return values;
  return { ...values, 'set-cookie': cookies.map((cookie) => cookie.replace(/="?[0-9a-f]{16}"?/, '=*')) };
}
