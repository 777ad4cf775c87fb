/**
 * Drives real listeners and real upstreams through a case, and compares what client and upstreams saw with what was
 * recorded. Everything counts that a gateway alone can show: tries, timeouts, faults, copies, what goes on the wire.
 */
import { type Comparison, createComparison, type Difference, fitsSameDistribution } from './compare.ts';
import type { Seen } from './gateway-mode-upstream.ts';
import { type Counts, GatewayWorld, type Observation, sleep, UpstreamPorts } from './gateway-mode-world.ts';
import { pick, toValues } from './router-mode.ts';
import type { Case, CaseRequest, ExpectedResult, ExpectedUpstream, HeaderValues } from './world.ts';

/** Timers fire late on a machine that is busy, and back-off is by chance. */
const ELAPSED = { below: 0.85, belowMs: 20, above: 1.25, aboveMs: 250 };

/** A request whose time is shorter may be given up before it has reached its upstream. */
const SHORT_MS = 10;

/** The differences of a case; empty when the gateway does what was recorded. */
export async function runGatewayCase(recorded: Case, ports: UpstreamPorts): Promise<readonly Difference[]> {
  const world = await GatewayWorld.open(recorded, ports);
  const comparison = createComparison();
  const stickiness = new Map<string, Sticky>();
  const { features, requests } = recorded.world;
  const isAbout = (what: string): boolean => features.some((feature) => feature.includes(what));
  try {
    for (const [index, request] of requests.entries()) {
      const expected = recorded.expected.results[index];
      if (!expected) continue;
      if (request.waitMs) await sleep(request.waitMs);
      if (expected.counts) {
        compareCounts(comparison, expected, await world.askRepeatedly(request, expected), isAbout);
        continue;
      }
      const observed = await world.ask(request, expected);
      const varies = recorded.expected.varies?.[request.id] ?? [];
      const check: Check = (field, want, got) => {
        if (!varies.includes(field)) comparison.equal(request.id, field, want, got);
      };
      compareAnswer(check, request, expected, observed);
      compareTries(check, expected, observed);
      if (isAbout('consistentHash')) compareStickiness(check, stickiness, request, expected, observed);
    }
  } finally {
    await world.close();
  }
  return comparison.differences;
}

/** Cases at a time. Those that watch the clock mostly wait, and come when nothing else keeps the process busy. */
const CONCURRENCY = { busy: 4, waiting: 8 };

/** Looks at a case that watches the clock: a busy machine's late timer shows itself once, a rule each time. */
const LOOKS = 3;

/** Runs the cases, some at a time, those that watch the clock last; tells each one's differences, or why it could not run. */
export async function runGatewayCases(
  cases: readonly Case[],
  told: (recorded: Case, outcome: readonly Difference[] | Error) => void,
): Promise<void> {
  const ports = new UpstreamPorts();
  const runAll = async (
    some: readonly Case[],
    concurrency: number,
    isTold: (outcome: readonly Difference[] | Error) => boolean,
  ): Promise<readonly Case[]> => {
    const left = [...some];
    const untold: Case[] = [];
    const worker = async (): Promise<void> => {
      for (let recorded = left.shift(); recorded; recorded = left.shift()) {
        const outcome = await runGatewayCase(recorded, ports).catch(toError);
        if (isTold(outcome)) told(recorded, outcome);
        else untold.push(recorded);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    return untold;
  };
  const agrees = (outcome: readonly Difference[] | Error): boolean =>
    !(outcome instanceof Error) && outcome.length === 0;
  const busy = cases.filter((recorded) => !watchesClock(recorded));
  await runAll(busy, CONCURRENCY.busy, () => true);
  let waiting = await runAll(cases.filter(watchesClock), CONCURRENCY.waiting, agrees);
  for (let looks = 2; looks <= LOOKS; looks++)
    waiting = await runAll(waiting, 1, looks === LOOKS ? () => true : agrees);
  await ports.close();
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function watchesClock({ world }: Case): boolean {
  return world.requests.some(
    ({ repeat, timed, waitMs, upstream }) =>
      repeat === undefined && (timed || waitMs || upstream?.some(({ delayMs }) => delayMs)),
  );
}

type Check = (field: string, want: unknown, got: unknown) => void;

function compareAnswer(
  check: Check,
  request: CaseRequest,
  expected: ExpectedResult,
  { answer, endpoints }: Observation,
): void {
  const isAnyOf = endpoints.size > 1;
  const asAny = (text: string): string => (isAnyOf ? anyEndpoint(text, endpoints) : text);
  if (expected.error !== undefined) return check('error', true, answer.error !== undefined);
  check('error', undefined, answer.error);
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

/** Without what the transport said in its own words. */
const wordOf = (details: string | undefined): string | undefined => details?.replace(/[|}].*$/, '');

function compareTries(
  check: Check,
  expected: ExpectedResult,
  { tries, copies, endpoints, outcome }: Observation,
): void {
  check(
    'mirrors',
    (expected.mirrors ?? []).map(mirrorText).sort(),
    copies.map((each) => mirrorText({ ...each, body: recordedBody(each) })).sort(),
  );
  if (expected.responseCodeDetails !== undefined) {
    check('responseFlags', expected.responseFlags, outcome?.flag);
    check('responseCodeDetails', wordOf(expected.responseCodeDetails), wordOf(outcome?.details));
    const { host, subset } = expected.destination ?? {};
    check('destination', { host, subset }, { host: outcome?.host, subset: outcome?.subset });
    if (expected.route !== undefined) check('route', expected.route, outcome?.route);
  }

  const isCutShort = tries.length === 0 && timeOf(expected) < SHORT_MS;
  if (!isCutShort) check('attempts', expected.attempts ?? 0, tries.length);
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
  for (const field of ['proto', 'method', 'path', 'authority'] as const)
    check(`upstream.${field}`, want[field], got[field]);
  const isTimed = (name: string): boolean => name === 'x-envoy-expected-rq-timeout-ms' && tries.length > 1;
  const shown = (values: HeaderValues): HeaderValues =>
    pick(values, (name) => !CONNECTION.includes(name) && !isTimed(name));
  check('upstream.headers', shown(want.headers), asRecorded(shown(toValues(got.headers))));
  if (want.body !== undefined) check('upstream.body', want.body, got.body);
}

/** This machine's own address, and ids, as records write them. */
function asRecorded(values: HeaderValues): HeaderValues {
  const write = (name: string, from: string | RegExp, to: string): HeaderValues =>
    values[name] ? { [name]: values[name].map((value) => value.replaceAll(from, to)) } : {};
  return {
    ...values,
    ...write('x-forwarded-for', '127.0.0.1', '<proxy-ip>'),
    ...write('x-request-id', UUID, '<uuid>'),
  };
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/** How long the upstream was told that it has, in milliseconds. */
function timeOf({ upstream }: ExpectedResult): number {
  return Number(upstream?.headers['x-envoy-expected-rq-timeout-ms']?.[0] ?? Number.POSITIVE_INFINITY);
}

/** Where the requests of the same words went. */
interface Sticky {
  readonly recorded: string;
  readonly here: string;
}

/** A hash's choice depends on the endpoints' addresses, which are others here; that it stays the same does not. */
function compareStickiness(
  check: Check,
  stickiness: Map<string, Sticky>,
  { authority, path, headers }: CaseRequest,
  { upstream }: ExpectedResult,
  { tries }: Observation,
): void {
  const recorded = upstream?.endpoint;
  const here = tries.at(-1)?.endpoint;
  if (recorded === undefined || here === undefined) return;
  const words = JSON.stringify([authority, path, headers]);
  const before = stickiness.get(words);
  stickiness.set(words, { recorded, here });
  if (before) check('same endpoint', before.recorded === recorded, before.here === here);
}

function compareCounts(
  comparison: Comparison,
  { id, counts = { total: 0 } }: ExpectedResult,
  observed: Readonly<Record<'status' | 'cluster' | 'endpoint' | 'mirror', Counts>>,
  isAbout: (what: string) => boolean,
): void {
  const compare = (field: string, want: Readonly<Record<string, number>> = {}, got: Counts): void => {
    if (!fitsSameDistribution(new Map(Object.entries(want)), got))
      comparison.equal(id, `counts.${field}`, want, Object.fromEntries(got));
  };
  // Where a limit on what waits decides, how often depends on timing: that it happens is what counts.
  if (isAbout('connectionPool')) {
    const want = Object.keys(counts.status ?? {}).sort();
    comparison.equal(id, 'counts.status', want, [...observed.status.keys()].sort());
    return;
  }
  compare('status', counts.status, observed.status);
  compare('cluster', withoutPort(counts.cluster ?? {}), observed.cluster);
  if (isAbout('consistentHash')) {
    const got = new Map(Object.entries(byRank(Object.fromEntries(observed.endpoint))));
    compare('endpoint', byRank(counts.endpoint ?? {}), got);
  } else compare('endpoint', counts.endpoint, observed.endpoint);
  compare('mirror', counts.mirror, observed.mirror);
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

const CONNECTION = ['transfer-encoding', 'connection', 'keep-alive', 'content-length'];

function mirrorText({
  endpoint,
  proto,
  method,
  authority,
  path,
  body = '',
}: Omit<ExpectedUpstream, 'headers'>): string {
  return `${endpoint} ${proto} ${method} ${authority} ${path} ${body}`.trim();
}

/** A recording has no body of gRPC, and none that is long. */
function recordedBody({ headers, body = '' }: Seen): string {
  const type = headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  return type.startsWith('application/grpc') || body.length >= 200 ? '' : body;
}

/** A cookie that the gateway makes has a value of its own. */
function withoutCookieValues(values: HeaderValues): HeaderValues {
  const cookies = values['set-cookie'];
  if (!cookies) return values;
  return { ...values, 'set-cookie': cookies.map((cookie) => cookie.replace(/="?[0-9a-f]{16}"?/, '=*')) };
}
