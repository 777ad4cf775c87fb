/**
 * Asks the router alone about each request of a case, and compares all that a router alone can know: where the
 * request goes and as what, mirrors, changed headers, and the answers that no upstream gives.
 */
import {
  abortReply,
  applyHeaderOperations,
  type Cluster,
  compile,
  createRouter,
  type Decision,
  type Forward,
  failureReply,
  type HeaderList,
  isGrpcContentType,
  type Random,
  type RouteRequest,
  type Router,
  type RouteTable,
  type WireReply,
  wireReply,
} from '../../router/index.ts';
import { joinResponseRepeats } from '../../router/route/header.ts';
import { endToEnd } from '../../traffic/filter/hop-by-hop.ts';
import { type Comparison, createComparison, type Difference } from './compare.ts';
import { compareCounts } from './counts.ts';
import type { Case, CaseRequest, ExpectedResult, HeaderValues } from './world.ts';

/** Makes a router of a table; the fast one unless the reference is asked for. */
export type RouterFactory = typeof createRouter;

/** The differences of a case; empty when the router does what was recorded, by the table that its YAML compiles to unless another is given. */
export function runRouterCase(
  recorded: Case,
  makeRouter: RouterFactory = createRouter,
  table: RouteTable = compile(recorded.resources, recorded.options).table,
): readonly Difference[] {
  const router = makeRouter(table);
  const comparison = createComparison();
  const clusters = new Map(table.clusters.map((cluster) => [cluster.name, cluster]));
  for (const [index, request] of recorded.world.requests.entries()) {
    const expected = recorded.expected.results[index];
    if (!expected || isRefusedByCodec(expected)) continue;
    const varies = recorded.expected.varies?.[request.id] ?? [];
    const routed = toRouteRequest(request);
    if (expected.counts) compareCounts(comparison, expected, router.explain(routed), clusters);
    else if (!isEjected(recorded, expected)) {
      compareRequest(comparison, router, routed, request, expected, clusters, varies);
    }
  }
  return comparison.differences;
}

/** What never reached the rules: a stream reset, or a status that the codec gave by itself. */
function isRefusedByCodec({ error, responseCodeDetails, counts }: ExpectedResult): boolean {
  return error !== undefined || (responseCodeDetails === undefined && counts === undefined);
}

/** An endpoint that was taken out for its errors: nothing that a router sees. */
function isEjected({ world }: Case, { responseCodeDetails }: ExpectedResult): boolean {
  const ejects = world.features.some((feature) => feature.toLowerCase().includes('outlier'));
  return ejects && responseCodeDetails === 'no_healthy_upstream';
}

/** A recorded request as a router takes it. */
export function toRouteRequest(request: CaseRequest): RouteRequest {
  return {
    method: request.method,
    scheme: request.scheme ?? (request.sni === undefined ? 'http' : 'https'),
    ...(request.sni !== undefined && { tls: true }),
    authority: request.authority,
    path: request.path,
    // A codec takes away the space around a value, and what is between client and gateway alone.
    headers: endToEnd([
      ...(request.headers ?? []).map(([name, value]) => [name.toLowerCase(), value.trim()] as const),
      ...lengthOf(request),
    ]),
    port: request.port,
    http2: request.proto === 'h2',
    sourceAddress: '127.0.0.1',
  };
}

/** The length that the recording client puts before a body over HTTP/1.1. */
function lengthOf({ proto, headers = [], body, bodyB64 }: CaseRequest): HeaderList {
  const isFramed = headers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
  const bytes = Buffer.from(bodyB64 ?? body ?? '', bodyB64 === undefined ? 'utf8' : 'base64');
  return proto === 'h2' || isFramed || bytes.length === 0 ? [] : [['content-length', `${bytes.length}`]];
}

function compareRequest(
  comparison: Comparison,
  router: Router,
  routed: RouteRequest,
  request: CaseRequest,
  expected: ExpectedResult,
  clusters: ReadonlyMap<string, Cluster>,
  varies: readonly string[],
): void {
  const { decision, mirrorsByChance } = decideAsRecorded(router, routed, request, expected, clusters);
  const { id } = request;
  const check = (field: string, want: unknown, got: unknown) => {
    if (!varies.includes(field)) comparison.equal(id, field, want, got);
  };
  // Of a path that it refuses Envoy may have looked up a route, by what the client says it was forwarded as.
  const isRefused = decision.kind === 'reply' && decision.virtualHost === undefined;
  if (!isRefused || !REFUSED_PATHS.has(expected.responseCodeDetails ?? '')) {
    check('route', expected.route, decision.route);
    check('destination', expected.destination, decision.destination);
  }
  if (!expected.destination && expected.cluster && !isRefused) {
    check('cluster', expected.cluster, decision.kind === 'forward' ? decision.cluster : undefined);
  }
  const reply = replyOf(decision, routed, clusters);
  check('answered locally', isLocal(expected), reply !== undefined);
  if (reply) {
    check('status', expected.status, reply.status);
    if (!varies.includes('body')) check('body', expected.body ?? '', reply.body);
    check('headers', comparable(expected.headers ?? {}), comparable(toValues(reply.headers)));
    return;
  }
  if (decision.kind !== 'forward') return;
  if (expected.upstream) {
    check('upstream.method', expected.upstream.method, decision.request.method);
    check('upstream.path', expected.upstream.path, decision.request.path);
    check('upstream.authority', expected.upstream.authority, decision.request.authority);
    const got = toValues(decision.request.headers);
    check('upstream.headers', sentHeaders(expected.upstream.headers, request), sentHeaders(got, request));
  }
  if (!mirrorsByChance) {
    check(
      'mirrors',
      (expected.mirrors ?? []).map(({ endpoint, path, authority }) => `${endpoint} ${authority} ${path}`),
      mirrorsOf(decision, clusters, expected),
    );
  }
  if (expected.responseCodeDetails === 'via_upstream') {
    const { want, got } = changedHeaders(decision, request, expected);
    check('headers', want, got);
  }
}

/**
 * The draws that were recorded: `x-oracle-random` for the weights; where none was pinned the draw that goes where the
 * recording went, if there is one; faults and mirrors as they happened. `mirrorDrawn` is told when a copy is drawn for.
 */
export function drawsAsRecorded(
  router: Router,
  routed: RouteRequest,
  request: CaseRequest,
  expected: ExpectedResult,
  clusters: ReadonlyMap<string, Cluster>,
  mirrorDrawn: () => void = () => {},
): Random {
  const drawing =
    (drawWeight: (bound: number) => number): Random =>
    (bound, purpose) => {
      if (purpose === 'weight') return drawWeight(bound);
      if (purpose === 'mirror') mirrorDrawn();
      if (purpose === 'fault-abort')
        return expected.responseCodeDetails === 'fault_filter_abort' ? 0 : bound - 1;
      if (purpose === 'fault-delay') return expected.responseFlags?.includes('DI') ? 0 : bound - 1;
      // On a busy machine timers are late enough by themselves.
      if (purpose === 'retry-backoff') return 0;
      return bound - 1;
    };
  const pinned = request.headers?.find(([name]) => name.toLowerCase() === 'x-oracle-random')?.[1];
  if (pinned !== undefined) return drawing((bound) => Number(pinned) % bound);
  const drawingAt = (percent: number): Random =>
    drawing((bound) => Math.min(bound - 1, Math.ceil((bound * percent) / 100 - 1e-9)));
  let draw = 0;
  for (const { percent, decision } of router.explain(routed).outcomes) {
    const goes =
      decision.kind === 'forward' ? clusters.get(decision.cluster)?.destination : decision.destination;
    if (percent > 0 && sameDestination(goes, expected.destination)) return drawingAt(draw);
    draw += percent;
  }
  return drawingAt(0);
}

/** The decision by {@link drawsAsRecorded}. */
function decideAsRecorded(
  router: Router,
  routed: RouteRequest,
  request: CaseRequest,
  expected: ExpectedResult,
  clusters: ReadonlyMap<string, Cluster>,
): { decision: Decision; mirrorsByChance: boolean } {
  let mirrorsByChance = false;
  const random = drawsAsRecorded(router, routed, request, expected, clusters, () => {
    mirrorsByChance = true;
  });
  const decision = router.route(routed, random);
  return { decision, mirrorsByChance };
}

function sameDestination(a: ExpectedResult['destination'], b: ExpectedResult['destination']): boolean {
  return a?.host === b?.host && a?.subset === b?.subset && a?.port === b?.port;
}

interface Answer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: string;
}

function isLocal({ responseCodeDetails }: ExpectedResult): boolean {
  return LOCAL_ANSWERS.has(responseCodeDetails ?? '');
}

const REFUSED_PATHS: ReadonlySet<string> = new Set([
  'path_normalization_failed',
  'absolute_path_rejected',
  'query_missing_content_type',
]);

const LOCAL_ANSWERS: ReadonlySet<string> = new Set([
  'direct_response',
  'route_not_found',
  'fault_filter_abort',
  'cluster_not_found',
  'cors_response',
  'no_healthy_upstream',
  ...REFUSED_PATHS,
]);

/** The answer without an upstream, as the client gets it; undefined where there is an upstream to ask. */
function replyOf(
  decision: Decision,
  request: RouteRequest,
  clusters: ReadonlyMap<string, Cluster>,
): Answer | undefined {
  const isGrpc = isGrpcContentType(joinedContentType(request));
  const reply = wireReplyOf(decision, isGrpc, clusters);
  if (!reply) return undefined;
  const { status, headers, body } = reply;
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const isBodiless = request.method === 'HEAD' || status === 204 || status === 304;
  return { status, headers, body: isBodiless ? '' : text };
}

function wireReplyOf(
  decision: Decision,
  isGrpc: boolean,
  clusters: ReadonlyMap<string, Cluster>,
): WireReply | undefined {
  const abort = decision.fault?.abort;
  if (abort) return abortReply(decision, isGrpc, abort);
  if (decision.kind === 'reply') return wireReply(decision);
  const cluster = clusters.get(decision.cluster);
  // A passthrough cluster goes wherever the client wanted to; it has no endpoints of its own.
  const isPassthrough = cluster?.policy.loadBalancer.kind === 'PASSTHROUGH';
  if (!cluster || isPassthrough || cluster.endpoints.length > 0) return undefined;
  return failureReply(decision, isGrpc, 503, 'no healthy upstream');
}

function joinedContentType({ headers }: RouteRequest): string | undefined {
  const values = headers.filter(([name]) => name === 'content-type').map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
}

function mirrorsOf(
  decision: Forward,
  clusters: ReadonlyMap<string, Cluster>,
  expected: ExpectedResult,
): string[] {
  // Which endpoint of several a copy goes to is chance: one that was recorded is taken where it can be.
  const recorded = (expected.mirrors ?? []).map(({ endpoint }) => endpoint);
  return decision.mirrors
    .flatMap(({ cluster, authority, path }) => {
      const endpoints = (clusters.get(cluster)?.endpoints ?? []).map(({ id }) => id);
      const found = recorded.findIndex((endpoint) => endpoints.includes(endpoint));
      const endpoint = found === -1 ? endpoints[0] : recorded.splice(found, 1)[0];
      return endpoint === undefined ? [] : [`${endpoint} ${authority} ${path}`];
    })
    .sort();
}

/** What proxy and connection add to a request or take from it; the router has no part in it. */
const CARRIED = new Set([
  'x-request-id',
  'x-envoy-attempt-count',
  'x-envoy-expected-rq-timeout-ms',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'grpc-timeout',
  'upgrade',
]);

function sentHeaders(values: HeaderValues, { headers }: CaseRequest): HeaderValues {
  const sent = new Set((headers ?? []).map(([name]) => name.toLowerCase()));
  // A gateway's connection adds the address it came from.
  const own = values['x-forwarded-for']?.map((value) => value.replace(/,?<proxy-ip>$/, ''));
  return pick(own ? { ...values, 'x-forwarded-for': own } : values, (name) => {
    if (CARRIED.has(name)) return false;
    return !name.startsWith('x-forwarded-') || sent.has(name);
  });
}

/** What the connection says about an answer, and the proxy about itself. */
function comparable(values: HeaderValues): HeaderValues {
  return pick(
    values,
    (name) =>
      !['server', 'content-length', 'connection', 'date'].includes(name) && !name.startsWith('x-envoy-'),
  );
}

/** The response headers that the rule names, as recorded and as they would be upon the upstream's own. */
function changedHeaders(
  decision: Forward,
  request: CaseRequest,
  expected: ExpectedResult,
): { want: HeaderValues; got: HeaderValues } {
  const named = new Set([
    ...decision.responseHeaders.map(({ name }) => name),
    ...(decision.corsHeaders ?? []).map(([name]) => name),
    ...pairsOf(request.upstream?.at(-1)?.headers).map(([name]) => name),
    ...Object.keys(expected.headers ?? {}).filter((name) => name.startsWith('access-control-')),
  ]);
  const last = request.upstream?.at(-1);
  const scripted = pairsOf(last?.headers);
  const usual: HeaderList = [
    ['x-upstream', expected.upstream?.endpoint ?? ''],
    ['server', 'oracle-upstream'],
    [
      'content-type',
      // The recording upstream speaks gRPC over h2 alone.
      expected.upstream?.proto === 'h2' && isGrpcContentType(joinedContentType(toRouteRequest(request)))
        ? 'application/grpc'
        : 'text/plain',
    ],
  ];
  const own = joinResponseRepeats([
    ...usual.filter(([name]) => !scripted.some((each) => each[0] === name)),
    ...scripted,
  ]);
  const cors = decision.corsHeaders ?? [];
  const replaced = new Set(cors.map(([name]) => name));
  const changed = applyHeaderOperations(own, decision.responseHeaders, {
    status: last?.status ?? 200,
    fault: decision.fault,
    // Whether tries were used up is for who carries the request to tell.
    ...(expected.responseFlags?.includes('URX') && { raised: expected.responseFlags }),
    details: 'via_upstream',
  }).filter(([name]) => !replaced.has(name));
  const isNamed = (name: string) => named.has(name) && name !== 'server';
  return {
    want: pick(expected.headers ?? {}, isNamed),
    got: pick(toValues([...changed, ...cors]), isNamed),
  };
}

/** Headers as a case writes them, as a list. */
export function pairsOf(headers: NonNullable<CaseRequest['upstream']>[number]['headers']): HeaderList {
  if (!headers) return [];
  const pairs: HeaderList = Array.isArray(headers)
    ? headers
    : Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each] as const));
  return pairs.map(([name, value]) => [name.toLowerCase(), value]);
}

/** The values of each name, in their order. */
export function toValues(headers: HeaderList): HeaderValues {
  const values: Record<string, string[]> = Object.create(null);
  for (const [name, value] of headers) {
    values[name] ??= [];
    // As above: no codec keeps a space at an end.
    values[name].push(value.trim());
  }
  return values;
}

/** Sorted by name, so that two of them can be told apart by eye. */
export function pick(
  values: HeaderValues,
  keep: (name: string, values: readonly string[]) => boolean,
): HeaderValues {
  const kept = Object.entries(values).filter(([name, each]) => keep(name, each));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}
