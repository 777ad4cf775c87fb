/** Generated rules that overlap as much as they can, and requests of the same few words. */
import type { RouteRequest, Service, ValidResource } from '../../../router/index.ts';
import type { StringMatch } from '../../../router/schema/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../../../router/schema/virtual-service.ts';
import type { Draws } from '../route/generate.ts';

type VirtualService = Extract<ValidResource, { kind: 'VirtualService' }>;

const PATHS = ['/', '/a', '/b', '/ab', '/a/', '/a/b', '/a/b/c', '/A', '/b/a'];
const PATH_REGEXES = [
  '/a.*',
  '/(a|b)',
  '/a/?b?',
  '/[ab]/.*',
  '.*',
  '(?i)/A',
  '/ab*',
  '/a\\b.*',
  '.+b',
  '/|/a|/b',
];
const VALUES = ['a', 'b', 'ab', 'A', ''];
const REGEXES = ['a.*', 'a|b', '[ab]+', '.*', '.+', '(?i)A', 'a?b?', '^a$', '\\w*', '[^a]*', '*'];
const METHODS = ['GET', 'POST', 'G'];
const AUTHORITIES = ['greeter', 'g', 'greeter:80', 'Greeter'];

/** Ports of {@link GREETER}; rules ask for the first two. */
const PORTS = [80, 81, 82];

/** What the rules are for. */
export const GREETER: Service = {
  host: 'greeter.default.svc.cluster.local',
  namespace: 'default',
  ports: PORTS.map((number) => ({ name: `http-${number}`, number, protocol: 'HTTP' })),
  endpoints: [],
};

/** Who sends a request, as far as generated rules ask. */
export interface Sender {
  readonly namespace: string;
  readonly app?: string;
}

/** A VirtualService for the greeter; its rules send to it. */
export function generateVirtualService(
  draws: Draws,
  name: string,
  delegates: readonly string[],
): VirtualService {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: { hosts: ['greeter'], http: rules(draws, delegates) },
  };
}

/** One that others delegate to. */
export function generateDelegate(draws: Draws, name: string): VirtualService {
  const { spec, ...rest } = generateVirtualService(draws, name, []);
  return { ...rest, spec: { http: spec.http ?? [] } };
}

function rules(draws: Draws, delegates: readonly string[]): HTTPRoute[] {
  return Array.from({ length: 2 + draws.below(6) }, (): HTTPRoute => {
    const match = draws.oneIn(20) ? {} : { match: several(1 + draws.below(2), () => generateMatch(draws)) };
    return delegates.length > 0 && draws.oneIn(4)
      ? { ...match, delegate: { name: draws.pick(delegates) } }
      : { ...match, route: [{ destination: { host: 'greeter' } }] };
  });
}

function generateMatch(draws: Draws): HTTPMatchRequest {
  const match: HTTPMatchRequest = {};
  const some = (times: number) => draws.oneIn(times);
  if (!some(4)) match.uri = generateText(draws, PATHS, PATH_REGEXES, false);
  if (some(5)) match.ignoreUriCase = true;
  if (some(3)) match.method = generateText(draws, METHODS, ['GET|POST', '.*', 'P.*']);
  if (some(2)) {
    match.headers = { x: generateText(draws, VALUES, REGEXES) };
    if (some(3)) match.headers['y'] = generateText(draws, VALUES, REGEXES);
    if (some(10)) match.headers['X'] = generateText(draws, VALUES, REGEXES);
  }
  if (some(3)) match.withoutHeaders = { [draws.pick(['x', 'y'])]: generateText(draws, VALUES, REGEXES) };
  if (some(4)) match.queryParams = { [draws.pick(['q', 'r'])]: generateText(draws, VALUES, REGEXES) };
  if (some(7)) match.authority = generateText(draws, AUTHORITIES, ['(?i)greeter.*', 'gr.*', '.*']);
  if (some(12)) match.scheme = generateText(draws, ['http', 'https', 'h'], ['https?', '.*']);
  if (some(10)) match.port = draws.pick(PORTS.slice(0, 2));
  if (some(8)) match.sourceLabels = { app: draws.pick(['w', 'v']) };
  if (some(12)) match.sourceNamespace = draws.pick(['default', 'shop']);
  return match;
}

function generateText(
  draws: Draws,
  values: readonly string[],
  regexes: readonly string[],
  mayBeAny = true,
): StringMatch {
  const kind = draws.below(10);
  if (kind < 4 || (kind === 9 && !mayBeAny)) return { exact: draws.pick(values) };
  if (kind < 7) return { prefix: draws.pick(values.filter((value) => value !== '')) };
  return kind < 9 ? { regex: draws.pick(regexes) } : {};
}

const REQUEST_PATHS = [
  ...PATHS,
  '/c',
  '/abb',
  '/aa',
  '/aab',
  '*',
  '/A/B',
  '/a/x',
  '/b/',
  '/ac',
  '/a/../b',
  '/%61',
];
const REQUEST_VALUES = [
  [],
  [],
  ['a'],
  ['b'],
  ['ab'],
  ['A'],
  [''],
  ['c'],
  ['a', 'b'],
  ['c', 'a'],
  ['aa'],
  ['b', 'c'],
];
const REQUEST_AUTHORITIES = [
  ...[
    'greeter',
    'Greeter',
    'greeter:80',
    'greeter.default',
    'GREETER',
    'greeter.default.svc.cluster.local:81',
  ],
];

/** A request of the rules' words. */
export function generateRequest(draws: Draws): RouteRequest {
  const headers = ['x', 'y'].flatMap((name) =>
    draws.pick(REQUEST_VALUES).map((value): [string, string] => [name, value]),
  );
  const query = ['q', 'r'].flatMap((name) =>
    draws.oneIn(3) ? draws.pick(REQUEST_VALUES).map((value) => `${name}=${value}`) : [],
  );
  return {
    method: draws.pick(['GET', 'POST', 'PUT', 'G', 'GETX']),
    scheme: draws.pick(['http', 'https', 'hx']),
    http2: draws.oneIn(2),
    authority: draws.pick(REQUEST_AUTHORITIES),
    path: draws.pick(REQUEST_PATHS) + (query.length > 0 ? `?${query.join('&')}` : ''),
    headers,
    port: draws.pick(PORTS),
  };
}

/** One who may send it. */
export function generateSender(draws: Draws): Sender {
  const app = draws.pick(['w', 'v', undefined]);
  return { namespace: draws.pick(['default', 'default', 'shop', 'elsewhere']), ...(app && { app }) };
}

function several<Item>(count: number, make: () => Item): Item[] {
  return Array.from({ length: count }, make);
}
