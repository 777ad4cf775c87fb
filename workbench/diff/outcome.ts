/** What a route does with a request, in a form in which two routes can be compared and told apart in words. Imports the router. */
import {
  type ForwardAction,
  type HeaderOperation,
  type Route,
  readable,
  type WeightedCluster,
} from '../../router/index.ts';
import { abortText } from '../../router/route/explain.ts';
import { textOfBytes } from '../../router/table/byte-text.ts';
import { targetName } from '../name.ts';

/** What becomes of the requests of a route. */
export interface RouteOutcome {
  /** `forward`, `redirect to …`, `answer 404 (no route)`: in words, destinations aside. */
  readonly what: string;
  /** Where they go, in percent; empty where they are answered. */
  readonly shares: readonly Share[];
  /** All else, in words by its name: `timeout`, `retries`; what is usual is left out. */
  readonly aspects: ReadonlyMap<string, string>;
  /** Equal for two routes that do the same, new paths aside: {@link isSameCut} compares these. */
  readonly key: string;
}

/** A destination's part. */
export interface Share {
  /** `shop v2`. */
  readonly target: string;
  /** Tells two destinations apart. */
  readonly key: string;
  readonly percent: number;
}

/** The outcome where no route is taken. */
export const NO_ROUTE: RouteOutcome = {
  what: 'no route (404)',
  shares: [],
  aspects: new Map(),
  key: 'no route',
};

/** The outcome where a gateway tells a plain request to come back by https. */
export const HTTPS_REDIRECT: RouteOutcome = {
  ...NO_ROUTE,
  what: 'redirect 301 to https',
  key: 'https redirect',
};

/** The outcome of a route; `clusters` are the names of those that exist. */
export function outcomeOf(route: Route, clusters: ReadonlySet<string>): RouteOutcome {
  const { action } = route;
  const aspects = new Map<string, string>();
  const note = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') aspects.set(name, value);
  };
  const { delay, abort } = route.fault ?? {};
  if (delay && delay.fraction.numerator > 0)
    note('delay', `${delay.delayMs} ms for ${fractionText(delay.fraction)}`);
  if (abort && abort.fraction.numerator > 0)
    note('abort', `${abortText(abort.status)} for ${fractionText(abort.fraction)}`);
  note('request headers', operationsText(route.requestHeaders));
  note('response headers', operationsText(route.responseHeaders));
  if (action.kind === 'redirect') {
    const { kind: _, status, ...target } = action;
    return keyed(route, `redirect ${status} to ${redirectText(target)}`, [], aspects);
  }
  if (action.kind === 'direct-response') {
    const body = action.body ? ` with the body ${JSON.stringify(action.body.value)}` : '';
    return keyed(route, `answer ${action.status}${body}`, [], aspects);
  }
  note('timeout', action.timeoutMs === 0 ? undefined : `${action.timeoutMs} ms`);
  note('retries', action.retry ? retryText(action.retry) : 'none');
  note('rewrite', rewriteText(action));
  note('mirrors', mirrorText(action));
  note('hashing', action.hashPolicy.map((policy) => JSON.stringify(policy)).join(', '));
  note(
    'sticky split',
    action.sticky && `by ${action.sticky.key.kind} ${action.sticky.key.name}${seedsText(action)}`,
  );
  note('preview', action.preview && previewText(action.preview));
  note('cors', route.cors && JSON.stringify(readable(withoutPrograms(route.cors))));
  return keyed(route, 'forward', sharesOf(action, clusters), aspects);
}

function keyed(
  route: Route,
  what: string,
  shares: readonly Share[],
  aspects: ReadonlyMap<string, string>,
): RouteOutcome {
  const rest = [...aspects];
  // A format string can tell the route's name.
  const named = rest.some(([, text]) => text.includes('%ROUTE_NAME%')) ? (route.name ?? '') : '';
  const targets = shares.map(({ key, percent }) => [key, percent]).sort();
  return { what, shares, aspects, key: JSON.stringify([what, targets, rest, named]) };
}

function sharesOf({ destinations }: ForwardAction, clusters: ReadonlySet<string>): Share[] {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const shares = new Map<string, Share>();
  const missing = new Map<string, string[]>();
  for (const destination of destinations) {
    const percent = destinations.length === 1 ? 100 : total === 0 ? 0 : (100 * destination.weight) / total;
    const { target, key, isMissing } = targetOf(destination, clusters);
    const names = [...(missing.get(key) ?? []), ...(isMissing ? [target] : [])];
    missing.set(key, names);
    const text = isMissing
      ? `${names.join(' and ')}, which ${names.length > 1 ? 'do' : 'does'} not exist (503)`
      : target;
    shares.set(key, { target: text, key, percent: percent + (shares.get(key)?.percent ?? 0) });
  }
  if (destinations.length === 0) shares.set('', { target: 'nowhere (503)', key: '', percent: 100 });
  return [...shares.values()];
}

function targetOf(
  { cluster, requestHeaders, responseHeaders, authority }: WeightedCluster,
  clusters: ReadonlySet<string>,
): Pick<Share, 'target' | 'key'> & { readonly isMissing: boolean } {
  const name = targetName(cluster);
  const changes = [
    ...(authority === undefined ? [] : [`authority ${textOfBytes(authority)}`]),
    ...(requestHeaders.length > 0 ? [`request headers ${operationsText(requestHeaders)}`] : []),
    ...(responseHeaders.length > 0 ? [`response headers ${operationsText(responseHeaders)}`] : []),
  ];
  const suffix = changes.length === 0 ? '' : ` with ${changes.join(', ')}`;
  if (cluster.startsWith('outbound|') && !clusters.has(cluster))
    // Whatever is missing, the answer is the same but for its headers.
    return { target: name, key: JSON.stringify(['missing', responseHeaders]), isMissing: true };
  return { target: name + suffix, key: JSON.stringify([cluster, changes]), isMissing: false };
}

/** How a route makes a new path: it begins with `head` in place of its first characters, of all without `length`. */
export interface PathCut {
  readonly length: number | undefined;
  readonly head: string;
  readonly path: Route['match']['path'];
}

/** How a route makes the path that it sends on or redirects to; that depends on what it matches. */
export function pathCutOf({ match: { path }, action }: Route): PathCut {
  const uri =
    action.kind === 'forward' ? action.rewrite?.uri : action.kind === 'redirect' ? action.prefix : undefined;
  if (uri === undefined) return { length: 0, head: '', path };
  return { length: path.kind === 'prefix' ? path.value.length : undefined, head: uri, path };
}

/** True when both make the same of every path that both match. */
export function isSameCut(one: PathCut, other: PathCut): boolean {
  const exact = [one, other].find(({ path }) => path.kind === 'exact' && !path.ignoreCase)?.path.value;
  if (exact !== undefined) return applied(one, exact) === applied(other, exact);
  if (one.length === undefined || other.length === undefined)
    return one.length === other.length && one.head === other.head;
  if (one.length === other.length) return one.head === other.head;
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  if (long.path.ignoreCase) return false;
  return short.head + long.path.value.slice(short.length) === long.head;
}

function applied({ length, head }: PathCut, path: string): string {
  return length === undefined ? head : head + path.slice(length);
}

function rewriteText({ rewrite }: ForwardAction): string | undefined {
  if (!rewrite) return undefined;
  const { uri, regex, authority } = rewrite;
  const parts = [
    // How the path changes depends on the match too, and is compared apart.
    ...(uri === undefined ? [] : ['']),
    ...(regex ? [`${regex.pattern} to ${textOfBytes(regex.replacement)}`] : []),
    ...(authority === undefined ? [] : [`authority ${textOfBytes(authority)}`]),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function redirectText(target: {
  scheme?: string;
  authority?: string;
  port?: number;
  uri?: string;
  prefix?: string;
}): string {
  const { scheme = '', authority = '', port, uri = '', prefix } = target;
  const head = scheme === '' ? '' : `${scheme}://`;
  return `${head}${textOfBytes(authority)}${port === undefined ? '' : `:${port}`}${textOfBytes(uri)}${prefix === undefined ? '' : ' with another prefix'}`;
}

function retryText(retry: NonNullable<ForwardAction['retry']>): string {
  const { attempts, retryOn, statusCodes, perTryTimeoutMs, backoffMs, avoidPreviousHosts } = retry;
  const limit = perTryTimeoutMs === 0 ? '' : ` of ${perTryTimeoutMs} ms`;
  const codes = statusCodes.length === 0 ? '' : ` ${statusCodes.join(',')}`;
  const rest = `${backoffMs === 25 ? '' : ` after ${backoffMs} ms`}${avoidPreviousHosts ? '' : ' at any endpoint'}`;
  return `${attempts}${limit} on ${retryOn.join(',')}${codes}${rest}`;
}

function mirrorText({ mirrors }: ForwardAction): string {
  return mirrors
    .filter(({ fraction }) => fraction.numerator > 0)
    .map(
      ({ cluster, fraction, compare }) =>
        `${fractionText(fraction)} to ${targetName(cluster)} (${cluster})${compare ? ` compared ${JSON.stringify(compare)}` : ''}`,
    )
    .join(', ');
}

/** Seeds are made of the destinations' names, and tell more than these only where one is there twice. */
function seedsText({ sticky, destinations }: ForwardAction): string {
  const names = new Set(destinations.map(({ cluster }) => cluster));
  return names.size === destinations.length ? '' : ` (seeds ${sticky!.seeds.join(',')})`;
}

function previewText({
  header,
  destinations,
  everyClient,
  ranges,
}: NonNullable<ForwardAction['preview']>): string {
  const from = [...(everyClient ? ['everybody'] : []), ...ranges].join(', ');
  const subsets = destinations.map(
    ({ subset, cluster, requestHeaders, responseHeaders, authority }) =>
      `${subset} ${JSON.stringify([cluster, requestHeaders, responseHeaders, authority])}`,
  );
  return `by header ${header} from ${from || 'nobody'}: ${subsets.join(', ')}`;
}

function fractionText({ numerator, denominator }: { numerator: number; denominator: number }): string {
  return `${Number((Math.min(1, numerator / denominator) * 100).toFixed(4))} %`;
}

function operationsText(operations: readonly HeaderOperation[]): string {
  return operations
    .map((each) =>
      each.kind === 'remove'
        ? `remove ${each.name}`
        : `${each.kind} ${each.name}: ${textOfBytes(each.value)}`,
    )
    .join('; ');
}

function withoutPrograms(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPrograms);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name !== 'program');
  return Object.fromEntries(fields.map(([name, each]) => [name, withoutPrograms(each)]));
}
