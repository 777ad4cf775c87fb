/** Generated configurations and requests, the same for the same seed. */

import type { RouteRequest, Service, ValidResource } from '../../../router/index.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../../../router/schema/virtual-service.ts';

/** Draws from a sequence that its seed fixes (mulberry32). */
export interface Draws {
  /** A whole number in `[0, bound)`. */
  below(bound: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** True once in so many times. */
  oneIn(times: number): boolean;
}

/** The draws of a seed. */
export function createDraws(seed: number): Draws {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
  return { below, pick: (values) => values[below(values.length)]!, oneIn: (times) => below(times) === 0 };
}

const PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/b/c',
  '/A/b',
  '/ab',
  '/v1/items/42',
  '/v1/items',
  '/v2',
  '/x.json',
  '//a',
];
const REGEXES = [
  ...[
    '/a.*',
    '/v[12]/items/[0-9]+',
    '.*',
    '(?i)/A/B',
    '/x\\.json|/ab',
    '[',
    '/a/?',
    '.*/items',
    '/(a|v1)/.*',
  ],
  ...['^/a$', '.*\\bitems\\b.*', '', '/.{1,2}', '/[^/]+', '/ab|/a/b|/a', '.*b', '//?a.*', '/v\\d(/\\w+)*'],
];
const VALUES = ['', '1', 'v1', 'v2', 'V1', '1,2', 'admin'];
const HEADERS = ['x-a', 'X-B', 'x-version'];
/** Conditions on what is no header of the client's, though rules write it as one. */
const PSEUDO_HEADERS = [
  { ':path': { prefix: '/a' } },
  { ':authority': { exact: 'greeter' } },
  { Host: { prefix: 'other' } },
  { ':method': { exact: 'POST' } },
  { ':scheme': { exact: 'http' } },
  { 'x-forwarded-proto': { exact: 'http' } },
];
const HOSTS = [
  'greeter',
  'greeter.default.svc.cluster.local',
  'other',
  'a.example.com',
  '*.example.com',
  '*.a.example.com',
  '*',
];
const AUTHORITIES = [
  ...['greeter', 'Greeter:80', 'greeter.default', 'other', 'other.default.svc.cluster.local.', '10.96.0.10'],
  ...['a.example.com', 'b.a.example.com:80', 'x.example.com', 'example.com', 'nowhere', '[::1]:80', ''],
];

/** The services that generated rules refer to. */
export const SERVICES: readonly Service[] = ['greeter', 'other'].map((name, index) => ({
  host: `${name}.default.svc.cluster.local`,
  namespace: 'default',
  ports: [{ name: 'http', number: 80, protocol: 'HTTP' }],
  addresses: [`10.96.0.${10 + index}`],
  endpoints: [],
}));

/** A few VirtualServices with rules of all kinds of conditions. */
export function generateResources(draws: Draws): ValidResource[] {
  // Long lists now and then, as only they are filed more than once.
  const [longest, rulesForAll] = draws.oneIn(8) ? [80, 100] : [12, 10];
  return Array.from({ length: 1 + draws.below(3) }, (_, index) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService' as const,
    metadata: { name: `vs-${index}`, namespace: 'default' },
    spec: {
      hosts: Array.from({ length: 1 + draws.below(3) }, () => draws.pick(HOSTS)),
      http: Array.from({ length: 1 + draws.below(longest) }, (_, rule) =>
        generateRule(draws, `r${rule}`, draws.oneIn(rulesForAll)),
      ),
    },
  }));
}

function generateRule(draws: Draws, name: string, isForAll: boolean): HTTPRoute {
  if (isForAll) return { name, route: [{ destination: { host: 'greeter', subset: name } }] };
  return {
    name,
    match: Array.from({ length: 1 + draws.below(3) }, (_, match) => ({
      ...generateMatch(draws),
      name: `m${match}`,
    })),
    directResponse: { status: 200 },
  };
}

function generateMatch(draws: Draws): HTTPMatchRequest {
  const match: HTTPMatchRequest = {};
  if (!draws.oneIn(4)) match.uri = generateUri(draws);
  if (draws.oneIn(3)) match.ignoreUriCase = true;
  if (draws.oneIn(3)) match.headers = { [draws.pick(HEADERS)]: generateText(draws) };
  if (draws.oneIn(6)) match.headers = { ...match.headers, ...draws.pick(PSEUDO_HEADERS) };
  if (draws.oneIn(4)) match.withoutHeaders = { [draws.pick(HEADERS)]: generateText(draws) };
  if (draws.oneIn(4)) match.queryParams = { [draws.pick(['q', 'q', 'r=1', ''])]: generateText(draws) };
  if (draws.oneIn(5)) match.method = { exact: draws.pick(['GET', 'POST']) };
  if (draws.oneIn(8)) match.authority = { prefix: draws.pick(['greeter', 'a.']) };
  return match;
}

function generateUri(draws: Draws) {
  const kind = draws.below(5);
  if (kind === 0) return { regex: draws.pick(REGEXES) };
  return kind < 3 ? { exact: draws.pick(PATHS) } : { prefix: draws.pick([...PATHS, '']) };
}

function generateText(draws: Draws) {
  const kind = draws.below(4);
  if (kind === 0) return {};
  if (kind === 1) return { regex: draws.pick(['v[12]', '.*', '*', '1|2']) };
  return kind === 2 ? { exact: draws.pick(VALUES) } : { prefix: draws.pick(VALUES) };
}

/** A request that meets the rules' vocabulary more often than not. */
export function generateRequest(draws: Draws): RouteRequest {
  const query = draws.pick([
    '',
    '',
    '?',
    `?q=${draws.pick(VALUES)}&q=2`,
    `?x&q=${draws.pick(VALUES)}`,
    '?r=1&=1&q',
  ]);
  const headers: [string, string][] = [];
  for (const name of HEADERS) {
    for (let count = draws.below(3); count > 0; count--)
      headers.push([name.toLowerCase(), draws.pick(VALUES)]);
  }
  return {
    method: draws.pick(['GET', 'POST', 'OPTIONS']),
    scheme: 'http',
    authority: draws.pick(AUTHORITIES),
    path: draws.pick([...PATHS, '/a/../ab', '/%61', '/nowhere']) + query,
    headers,
    port: draws.pick([80, 80, 80, 81]),
    http2: draws.oneIn(2),
  };
}
