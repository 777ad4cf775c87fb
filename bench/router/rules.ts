/** Tables of N rules of one shape, with requests that meet them: what the router's benchmarks measure. */
import {
  compile,
  type RouteRequest,
  type RouteTable,
  type Service,
  type ValidResource,
} from '../../router/index.ts';
import type { HTTPMatchRequest } from '../../router/schema/virtual-service.ts';

/** A way to write rules. */
export interface Shape {
  readonly name: string;
  /** What the rules look like, for the table's caption. */
  readonly about: string;
  match(index: number): HTTPMatchRequest;
  /** A request that rule `index` takes and none before it; `variant` for others of the same. */
  request(index: number, variant: number): Partial<RouteRequest>;
}

/** Shapes that the budgets speak of. */
export const SHAPES: readonly Shape[] = [
  {
    name: 'exact',
    about: '`uri.exact: /shop/item-7/detail`',
    match: (index) => ({ uri: { exact: `/shop/item-${index}/detail` } }),
    request: (index) => ({ path: `/shop/item-${index}/detail` }),
  },
  {
    name: 'prefix',
    about: '`uri.prefix: /team-7/service-7/`',
    match: (index) => ({ uri: { prefix: `/team-${index % 100}/service-${index}/` } }),
    request: (index, variant) => ({ path: `/team-${index % 100}/service-${index}/v1/orders/${variant}` }),
  },
  {
    name: 'header',
    about: '`headers: { end-user: { exact: user-7 } }`',
    match: (index) => ({ headers: { 'end-user': { exact: `user-${index}` } } }),
    request: (index) => ({ headers: [['end-user', `user-${index}`]] }),
  },
  {
    name: 'regex',
    about:
      'a fifth each of `/users-7/[0-9]+`, `/v[12]/items-7/[^/]+`, `/(orders|carts)/7(/.*)?`, `/service-7/.*`, `.*/tail-7`',
    match: (index) => ({ uri: { regex: REGEXES[index % 5]!(index) } }),
    request: (index, variant) => ({ path: REGEX_PATHS[index % 5]!(index, variant) }),
  },
  {
    name: 'regex-alike',
    about: '`/users/[0-9]+/orders-7/.*`: no literal to tell them apart by',
    match: (index) => ({ uri: { regex: `/users/[0-9]+/orders-${index}/.*` } }),
    request: (index, variant) => ({ path: `/users/${100 + variant}/orders-${index}/items` }),
  },
  {
    name: 'mixed',
    about:
      'a path of 50, by prefix, with one of 20 tenants in a header, a method, and a query parameter or the absence of a header; every tenth a regex',
    match: mixedMatch,
    request: (index, variant) => ({
      method: METHODS[index % 4]!,
      path: `/api/group-${index % 50}/items/${index % 10 === 9 ? 1 : variant}?shard=s${index}`,
      headers: [['x-tenant', `tenant-${index % 20}`]],
    }),
  },
];

const REGEXES = [
  (index: number) => `/users-${index}/[0-9]+`,
  (index: number) => `/v[12]/items-${index}/[^/]+`,
  (index: number) => `/(orders|carts)/${index}(/.*)?`,
  (index: number) => `/service-${index}/.*`,
  (index: number) => `.*/tail-${index}`,
] as const;

const REGEX_PATHS = [
  (index: number, variant: number) => `/users-${index}/${1000 + variant}`,
  (index: number, variant: number) => `/v1/items-${index}/sku-${variant}`,
  (index: number, variant: number) => `/orders/${index}/lines/${variant}`,
  (index: number, variant: number) => `/service-${index}/v1/list/${variant}`,
  (index: number, variant: number) => `/a/path/${variant}/tail-${index}`,
] as const;

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;

function mixedMatch(index: number): HTTPMatchRequest {
  const group = `/api/group-${index % 50}/`;
  return {
    uri: index % 10 === 9 ? { regex: `${group}items/[0-9]+` } : { prefix: group },
    method: { exact: METHODS[index % 4]! },
    headers: { 'x-tenant': { exact: `tenant-${index % 20}` } },
    queryParams: { shard: { exact: `s${index}` } },
    ...(index % 3 === 0 && { withoutHeaders: { 'x-debug': {} } }),
  };
}

/** Headers that most requests carry, before those of the rule. */
const USUAL_HEADERS: RouteRequest['headers'] = [
  ['user-agent', 'bench/1.0'],
  ['accept', '*/*'],
  ['x-request-id', '6f3d0a58-3a3a-4b84-9a35-7a1d52f7a6ce'],
  ['content-type', 'application/json'],
];

const HOST = 'shop.default.svc.cluster.local';

export const SERVICES: readonly Service[] = [
  {
    host: HOST,
    namespace: 'default',
    ports: [{ name: 'http', number: 80, protocol: 'HTTP' }],
    endpoints: [{ id: 'shop-1', labels: { version: 'v1' }, target: { kind: 'in-process' } }],
  },
];

/** One VirtualService with `count` rules of the shape, each with its own name. */
export function resourcesOf(shape: Shape, count: number): ValidResource[] {
  const http = Array.from({ length: count }, (_, index) => ({
    name: `rule-${index}`,
    match: [shape.match(index)],
    route: [{ destination: { host: 'shop' } }],
  }));
  return [
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'rules', namespace: 'default' },
      spec: { hosts: ['shop'], http },
    },
  ];
}

/** Those resources compiled. */
export function tableOf(shape: Shape, count: number): RouteTable {
  return compile(resourcesOf(shape, count), { services: SERVICES }).table;
}

/** A request of rule `index`. */
export function requestOf(shape: Shape, index: number, variant = 0): RouteRequest {
  const own = shape.request(index, variant);
  const headers = [...USUAL_HEADERS, ...(own.headers ?? [])];
  return {
    method: own.method ?? 'GET',
    scheme: 'http',
    authority: fromWire('shop'),
    path: fromWire(own.path ?? '/shop'),
    headers: headers.map(([name, value]) => [fromWire(name), fromWire(value)]),
    port: 80,
  };
}

/** The text as a parser of requests makes it: a string of its own, in one piece. */
export function fromWire(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}
