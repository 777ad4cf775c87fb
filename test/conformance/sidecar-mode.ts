/**
 * Asks a stock Envoy and a gateway that follow the same istiod the same requests, and compares where each goes. Nothing
 * recorded is looked at: what Envoy does now is what is wanted.
 */
import { type Comparison, createComparison, type Difference, fitsHomogeneously } from './compare.ts';
import { sleep } from './gateway-mode-world.ts';
import { toValues } from './router-mode.ts';
import type { SidecarObservation, SidecarWorld } from './sidecar-mode-world.ts';
import type { Case, CaseRequest } from './world.ts';

/** So often a request is sent whose way may be by chance, and so many times more one whose way is. */
const FIRST_SAMPLE = 15;
const SAMPLE = 100;
/** How long copies may be on their way. */
const COPY_MS = 100;
/** Pins the choice where a case was recorded; istiod says nothing of it. */
const RANDOM_HEADER = 'x-oracle-random';

/** The workload that most cases are about. */
export const CLIENT = { namespace: 'default', labels: { app: 'client', version: 'c1' } } as const;

/** What a case asked. */
export interface SidecarResult {
  readonly requests: number;
  readonly samples: number;
  readonly differences: readonly Difference[];
}

/**
 * True for a case that one sidecar of {@link CLIENT} can be in, and whose requests go where they go whatever the time:
 * not those about limits and ejection.
 */
export function isForSidecar({ world, resources }: Case): boolean {
  const { type, namespace, labels } = world.proxy;
  const isClient =
    type === 'sidecar' &&
    namespace === CLIENT.namespace &&
    JSON.stringify(Object.entries(labels).sort()) === JSON.stringify(Object.entries(CLIENT.labels));
  const isTimed = world.requests.some(({ waitMs, parallel }) => waitMs !== undefined || (parallel ?? 1) > 1);
  const isLimited = JSON.stringify(resources).includes('"connectionPool"');
  return isClient && world.meshConfig === undefined && !isTimed && !isLimited;
}

/** The differences of a case between the two. */
export async function runSidecarCase(
  recorded: Case,
  world: Pick<SidecarWorld, 'use' | 'ask'>,
): Promise<SidecarResult> {
  await world.use(recorded);
  const comparison = createComparison();
  const hasCopies = JSON.stringify(recorded.resources).includes('"mirror');
  const requests = distinct(recorded.world.requests.filter(({ port }) => isListenedOn(recorded, port)));
  const observed = requests.map((request) => ({
    request,
    envoy: [] as Observations,
    own: [] as Observations,
  }));
  const askMore = async (some: typeof observed, timesOf: (request: CaseRequest) => number) => {
    const asked = some.flatMap((one) => {
      const first = one.envoy.length;
      return Array.from({ length: timesOf(one.request) }, (_, index) => ({
        ...{ one, request: one.request, id: `${one.request.id} ${first + index}` },
      }));
    });
    const [envoy, own] = await Promise.all([world.ask('envoy', asked), world.ask('own', asked)]);
    if (hasCopies) await sleep(COPY_MS);
    for (const [index, { one }] of asked.entries()) {
      one.envoy.push(envoy[index]!);
      one.own.push(own[index]!);
    }
  };
  await askMore(observed, (request) => (isByChance(request) ? FIRST_SAMPLE : 1));
  const sampled = observed.filter(({ envoy, own }) => new Set([...envoy, ...own].map(chanceOf)).size > 1);
  await askMore(sampled, () => SAMPLE);
  for (const each of observed) {
    const { request, envoy, own } = each;
    if (sampled.includes(each)) compareSamples(comparison, request, envoy, own);
    else compareOne(comparison, request, envoy[0]!, own[0]!);
  }
  return { requests: requests.length, samples: sampled.length, differences: comparison.differences };
}

type Observations = SidecarObservation[];

/** Bytes to a port of no service are passed on as they are. */
function isListenedOn({ options }: Case, port: number): boolean {
  return options.services!.some(({ ports }) =>
    ports.some((each) => each.number === port && each.protocol !== 'TCP'),
  );
}

/** Those that are the same but for the chance that they pin are one. */
function distinct(requests: readonly CaseRequest[]): readonly CaseRequest[] {
  const known = new Map<string, CaseRequest>();
  for (const request of requests) {
    const { id: _, repeat: __, headers = [], ...rest } = request;
    const key = JSON.stringify([rest, headers.filter(([name]) => name.toLowerCase() !== RANDOM_HEADER)]);
    const before = known.get(key);
    if (before === undefined || (!isByChance(before) && isByChance(request))) known.set(key, request);
  }
  return [...known.values()];
}

function isByChance({ repeat, headers = [] }: CaseRequest): boolean {
  return (repeat ?? 1) > 1 || headers.some(([name]) => name.toLowerCase() === RANDOM_HEADER);
}

/**
 * Where the request went, or was to go when that failed. What is answered before it goes anywhere, a preflight, Envoy
 * or a fault, Envoy still tells the route's cluster of.
 */
function clusterOf({ seen, flags, cluster }: SidecarObservation): string | undefined {
  return seen.length === 0 && (flags === undefined || flags === 'FI') ? undefined : cluster;
}

/** What is the same each time where nothing is by chance. */
const chanceOf = (each: SidecarObservation): string => `${outcomeOf(each)} ${waysOf(each)}`;

/** `200 outbound|80|v1|reviews.default.svc.cluster.local`. */
function outcomeOf(observation: SidecarObservation): string {
  const { answer } = observation;
  const grpc = toValues([...answer.headers, ...answer.trailers])['grpc-status']?.[0];
  return [answer.status, grpc === undefined ? '' : `grpc ${grpc}`, clusterOf(observation) ?? '']
    .filter(Boolean)
    .join(' ');
}

function compareOne(
  { equal }: Comparison,
  request: CaseRequest,
  envoy: SidecarObservation,
  own: SidecarObservation,
): void {
  const check = (field: string, of: (observation: SidecarObservation) => unknown): void =>
    equal(request.id, field, of(envoy), of(own));
  check('status', ({ answer }) => answer.status);
  check('cluster', clusterOf);
  check('flags', ({ flags }) => flags);
  if (envoy.route !== undefined) check('route', ({ route }) => route);
  check('location', ({ answer }) => toValues(answer.headers)['location']);
  check('grpc-status', ({ answer }) => toValues([...answer.headers, ...answer.trailers])['grpc-status']);
  if (envoy.seen.length === 0) check('body', ({ answer }) => answer.body);
  check('upstream', waysOf);
}

/** What upstreams saw, copies too; which of several endpoints it was is the balancer's own. */
function waysOf({ seen }: SidecarObservation): string {
  const ways = seen.map(({ endpoint, proto, method, authority, path }) => {
    const port = endpoint.replace(/^.*:/, '');
    return `${proto} ${method} ${authority} ${path} on ${port}`;
  });
  return ways.sort().join(', ');
}

function compareSamples(
  { equal }: Comparison,
  request: CaseRequest,
  envoy: readonly SidecarObservation[],
  own: readonly SidecarObservation[],
): void {
  const check = (field: string, of: (observation: SidecarObservation) => string): void => {
    const [want, got] = [countsOf(envoy, of), countsOf(own, of)];
    if (!fitsHomogeneously(want, got))
      equal(request.id, field, Object.fromEntries(want), Object.fromEntries(got));
  };
  check('outcomes', outcomeOf);
  check('upstreams', waysOf);
}

function countsOf(
  observations: readonly SidecarObservation[],
  of: (observation: SidecarObservation) => string,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const each of observations) counts.set(of(each), (counts.get(of(each)) ?? 0) + 1);
  return counts;
}
