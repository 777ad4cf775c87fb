/** What a route does with a request, in a form in which two routes can be compared and told apart in words. Imports the router. */
import { parseClusterName } from '../../router/compile/cluster-name.ts';
import {
  type DirectResponseAction,
  type ForwardAction,
  type HeaderOperation,
  type Route,
  readable,
  type WeightedCluster,
} from '../../router/index.ts';
import { abortText } from '../../router/route/explain.ts';
import { byteText, textOfBytes } from '../../router/table/byte-text.ts';
import { targetName } from '../name.ts';

/** What becomes of the requests of a route. */
export interface RouteOutcome {
  /** `forward`, `redirect to …`, `answer 404 (no route)`: in words, destinations aside. */
  readonly what: string;
  /** Where they go, in percent; empty where they are answered. */
  readonly shares: readonly Share[];
  /**
   * All else, in words by its name: `timeout`, `retries`; what is usual is left out. Words differ where what they say
   * does.
   */
  readonly aspects: ReadonlyMap<string, string>;
  /** Equal for two routes that do the same, new paths aside: {@link isSameCut} compares these. */
  readonly key: string;
  /** How the path is made that the route sends on or redirects to; absent where none is. */
  readonly cut?: PathCut;
}

/** A destination's part. */
export interface Share {
  /** `shop v2`. */
  readonly target: string;
  /** `shop v2 port 8080`. */
  readonly place: string;
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
  if (action.kind === 'redirect') {
    note('response headers', operationsText(route.responseHeaders));
    const { kind: _, status, ...target } = action;
    return {
      ...keyed(route, `redirect ${status} to ${redirectText(target)}`, [], aspects),
      cut: pathCutOf(route),
    };
  }
  if (action.kind === 'direct-response') {
    note('response headers', operationsText(route.responseHeaders));
    return keyed(route, `answer ${action.status}${bodyText(action.body)}`, [], aspects);
  }
  const own = withHoisted(route, action);
  const shares = sharesOf(own.destinations, clusters);
  note('response headers', operationsText(own.responseHeaders));
  note('cors', route.cors && JSON.stringify(readable(withoutPrograms(route.cors))));
  const preview = action.preview && previewText(action.preview, clusters);
  // Nothing of all else befalls requests that are lost.
  if (preview === undefined && shares.length === 1 && shares[0]!.isLost)
    return keyed(route, 'forward', shares, aspects);
  note('request headers', operationsText(own.requestHeaders));
  note('timeout', action.timeoutMs === 0 ? undefined : `${action.timeoutMs} ms`);
  note('retries', action.retry ? retryText(action.retry) : 'none');
  note('rewrite', rewriteText(action));
  const { uri, regex } = action.rewrite ?? {};
  if (uri !== undefined || regex) note(ORIGINAL_PATH, 'the path as it came');
  note('mirrors', mirrorText(action, clusters));
  note('hashing', action.hashPolicy.map((policy) => JSON.stringify(policy)).join(', '));
  note(
    'sticky split',
    action.sticky && `by ${action.sticky.key.kind} ${action.sticky.key.name}${seedsText(action)}`,
  );
  note('preview', preview);
  return { ...keyed(route, 'forward', shares, aspects), cut: pathCutOf(route) };
}

/** What a rewrite tells of the path that it took the place of, be it the same. */
export const ORIGINAL_PATH = 'x-envoy-original-path';

/** The same route where all destinations change headers alike and the rule does not: it might as well be the rule. */
function withHoisted(
  { requestHeaders, responseHeaders }: Route,
  { destinations }: ForwardAction,
): Pick<Route, 'requestHeaders' | 'responseHeaders'> & Pick<ForwardAction, 'destinations'> {
  const isAlike = (field: 'requestHeaders' | 'responseHeaders'): boolean =>
    new Set(destinations.map((each) => JSON.stringify(each[field]))).size === 1;
  const [first] = destinations;
  const hoistsRequest = requestHeaders.length === 0 && isAlike('requestHeaders');
  const hoistsResponse = responseHeaders.length === 0 && isAlike('responseHeaders');
  return {
    requestHeaders: hoistsRequest ? first!.requestHeaders : requestHeaders,
    responseHeaders: hoistsResponse ? first!.responseHeaders : responseHeaders,
    destinations: destinations.map((each) => ({
      ...each,
      ...(hoistsRequest && { requestHeaders: [] }),
      ...(hoistsResponse && { responseHeaders: [] }),
    })),
  };
}

/** Without a body nothing; bytes that are no text as they are written, in base64. */
function bodyText(body: DirectResponseAction['body']): string {
  if (!body || body.value === '') return '';
  const bytes = body.kind === 'text' ? byteText(body.value) : atob(body.value);
  const text = textOfBytes(bytes);
  return byteText(text) === bytes
    ? ` with the body ${JSON.stringify(text)}`
    : ` with the bytes ${JSON.stringify(btoa(bytes))}`;
}

function keyed(
  route: Route,
  what: string,
  shares: readonly Share[],
  aspects: ReadonlyMap<string, string>,
): RouteOutcome {
  const rest = [...aspects].sort();
  const targets = shares.map(({ key, percent }) => [key, Number(percent.toFixed(9))]).sort();
  const key = JSON.stringify([what, targets, rest]);
  // A format string can tell the route's name.
  const named = key.includes('%ROUTE_NAME%') ? (route.name ?? '') : '';
  return { what, shares, aspects, key: `${key}${named}` };
}

function sharesOf(
  destinations: readonly WeightedCluster[],
  clusters: ReadonlySet<string>,
): (Share & { readonly isLost: boolean })[] {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const shares = new Map<string, Share & { readonly isLost: boolean }>();
  const missing = new Map<string, Set<string>>();
  for (const destination of destinations) {
    const percent = destinations.length === 1 ? 100 : total === 0 ? 0 : (100 * destination.weight) / total;
    if (percent === 0 && total > 0) continue;
    const { target, key, isLost, port } = targetOf(destination, clusters);
    const names = missing.get(key) ?? new Set();
    if (isLost) names.add(target);
    missing.set(key, names);
    const text = isLost
      ? `${[...names].join(' and ')}, which ${names.size > 1 ? 'do' : 'does'} not exist (503)`
      : target;
    const place = port === undefined ? text : `${target} port ${port}`;
    const sum = percent + (shares.get(key)?.percent ?? 0);
    shares.set(key, { target: text, place, key, percent: sum, isLost });
  }
  if (shares.size === 0)
    shares.set('', { target: 'nowhere (503)', place: 'nowhere (503)', key: '', percent: 100, isLost: true });
  return [...shares.values()];
}

function targetOf(
  { cluster, requestHeaders, responseHeaders, authority }: WeightedCluster,
  clusters: ReadonlySet<string>,
): Pick<Share, 'target' | 'key'> & { readonly isLost: boolean; readonly port?: number | undefined } {
  const name = targetName(cluster);
  const changes = [
    ...(authority === undefined ? [] : [`authority ${wordOf(authority)}`]),
    ...(requestHeaders.length > 0 ? [`request headers ${operationsText(requestHeaders)}`] : []),
    ...(responseHeaders.length > 0 ? [`response headers ${operationsText(responseHeaders)}`] : []),
  ];
  const suffix = changes.length === 0 ? '' : ` with ${changes.join(', ')}`;
  if (cluster.startsWith('outbound|') && !clusters.has(cluster))
    // Whatever is missing, the answer is the same but for its headers.
    return { target: name, key: JSON.stringify(['missing', responseHeaders]), isLost: true };
  const port = parseClusterName(cluster)?.port;
  return { target: name + suffix, key: JSON.stringify([cluster, changes]), isLost: false, port };
}

/** How a route makes a new path: it begins with `head` in place of its first characters, of all without `length`. */
export interface PathCut {
  readonly length: number | undefined;
  readonly head: string;
  readonly path: Route['match']['path'];
}

/** How a route makes the path that it sends on or redirects to; that depends on what it matches. */
function pathCutOf({ match: { path }, action }: Route): PathCut {
  const uri =
    action.kind === 'forward' ? action.rewrite?.uri : action.kind === 'redirect' ? action.prefix : undefined;
  if (uri === undefined) return { length: 0, head: '', path };
  return { length: path.kind === 'prefix' ? path.value.length : undefined, head: uri, path };
}

/** True when both do the same with every request that both take. */
export function isSameOutcome(one: RouteOutcome, other: RouteOutcome): boolean {
  return one.key === other.key && (!one.cut || !other.cut || isSameCut(one.cut, other.cut));
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
    ...(regex ? [`${wordOf(regex.pattern)} to ${wordOf(regex.replacement)}`] : []),
    ...(authority === undefined ? [] : [`authority ${wordOf(authority)}`]),
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
  const host = /^[^/?#"\s]*$/.test(authority)
    ? textOfBytes(authority)
    : JSON.stringify(textOfBytes(authority));
  const path = uri === '' || uri.startsWith('/') ? textOfBytes(uri) : JSON.stringify(textOfBytes(uri));
  return `${head}${host}${port === undefined ? '' : `:${port}`}${path}${prefix === undefined ? '' : ' with another prefix'}`;
}

function retryText(retry: NonNullable<ForwardAction['retry']>): string {
  const { attempts, retryOn, statusCodes, perTryTimeoutMs, backoffMs, avoidPreviousHosts } = retry;
  const limit = perTryTimeoutMs === 0 ? '' : ` of ${perTryTimeoutMs} ms`;
  const codes = statusCodes.length === 0 ? '' : ` ${statusCodes.join(',')}`;
  const rest = `${backoffMs === 25 ? '' : ` after ${backoffMs} ms`}${avoidPreviousHosts ? '' : ' at any endpoint'}`;
  return `${attempts}${limit} on ${retryOn.join(',')}${codes}${rest}`;
}

/** No copy is sent where there is nobody to take it. */
function mirrorText({ mirrors }: ForwardAction, clusters: ReadonlySet<string>): string {
  return mirrors
    .filter(({ cluster, fraction }) => fraction.numerator > 0 && clusters.has(cluster))
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

function previewText(
  { header, destinations, everyClient, ranges }: NonNullable<ForwardAction['preview']>,
  clusters: ReadonlySet<string>,
): string {
  const from = [...(everyClient ? ['everybody'] : []), ...ranges].join(', ');
  const subsets = destinations.map(
    ({ subset, cluster, requestHeaders, responseHeaders, authority }) =>
      `${subset} ${JSON.stringify([cluster, requestHeaders, responseHeaders, authority])}${clusters.has(cluster) ? '' : ' (503)'}`,
  );
  return `by header ${header} from ${from || 'nobody'}: ${subsets.join(', ')}`;
}

function fractionText({ numerator, denominator }: { numerator: number; denominator: number }): string {
  return `${Number((Math.min(1, numerator / denominator) * 100).toFixed(4))} %`;
}

function operationsText(operations: readonly HeaderOperation[]): string {
  return operations
    .map((each) =>
      each.kind === 'remove' ? `remove ${each.name}` : `${each.kind} ${each.name}: ${wordOf(each.value)}`,
    )
    .join('; ');
}

/** The text, in quotes where one might not see where it ends. */
function wordOf(bytes: string): string {
  const text = textOfBytes(bytes);
  return /^[^\s"',;()]+$/.test(text) ? text : JSON.stringify(text);
}

function withoutPrograms(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPrograms);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name !== 'program');
  return Object.fromEntries(fields.map(([name, each]) => [name, withoutPrograms(each)]));
}
