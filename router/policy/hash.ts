/** What a request is hashed by, for consistent hashing. Imports the table's types and xxHash64. */
import type { HashPolicy } from '../table/cluster.ts';
import { cookieOf } from '../table/cookie.ts';
import type { HeaderList } from '../table/request.ts';
import { Hash64, toBigInt, xxHash64Text } from './xxhash64.ts';

/** What is hashed: the request as it goes upstream. */
export interface HashedRequest {
  readonly method: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  readonly headers: HeaderList;
  /** Of the client, without port. */
  readonly sourceAddress?: string | undefined;
}

type CookiePolicy = Extract<HashPolicy, { kind: 'cookie' }>;

/** Makes the value of a cookie that the request lacks, and has it set by the answer; undefined: there shall be none. */
export type MakeCookie = (policy: CookiePolicy) => string | undefined;

const hash = new Hash64();

/**
 * The request's hash by all of the policies, each of which turns the ones before it by a bit; undefined where the
 * request has nothing that they hash, so that any endpoint will do.
 *
 * Source: Envoy `source/common/http/hash_policy.cc` (HashPolicyImpl::generateHash).
 */
export function hashRequest(
  policies: readonly HashPolicy[],
  request: HashedRequest,
  makeCookie: MakeCookie,
): bigint | undefined {
  let high = 0;
  let low = 0;
  let isHashed = false;
  for (const policy of policies) {
    if (!hashBy(policy, request, makeCookie)) continue;
    const turned = ((high << 1) | (low >>> 31)) >>> 0;
    low = (((low << 1) | (high >>> 31)) ^ hash.low) >>> 0;
    high = (turned ^ hash.high) >>> 0;
    isHashed = true;
  }
  if (!isHashed) return undefined;
  hash.high = high;
  hash.low = low;
  return toBigInt(hash);
}

/** Writes one policy's hash to {@link hash}; false where there is none. */
function hashBy(policy: HashPolicy, request: HashedRequest, makeCookie: MakeCookie): boolean {
  let value: string | undefined;
  switch (policy.kind) {
    case 'header':
      return hashHeader(request, policy.name);
    case 'cookie':
      value = cookieOf(request.headers, policy.name) || undefined;
      if (value === undefined && policy.ttlMs !== undefined) value = makeCookie(policy);
      break;
    case 'query':
      value = queryParameter(request.path, policy.name);
      break;
    case 'source-ip':
      value = request.sourceAddress || undefined;
      break;
    case 'none':
  }
  if (value === undefined) return false;
  xxHash64Text(value, hash);
  return true;
}

/** Repeats count in whatever order they come: they are sorted, and each hash is the seed of the next. */
function hashHeader(request: HashedRequest, name: string): boolean {
  const values = headerValues(request, name);
  if (values.length === 0) return false;
  if (values.length > 1) values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  hash.high = 0;
  hash.low = 0;
  for (const value of values) xxHash64Text(value, hash, hash.high, hash.low);
  return true;
}

function headerValues({ method, authority, path, headers }: HashedRequest, name: string): string[] {
  switch (name) {
    case ':method':
      return [method];
    case ':authority':
    case 'host':
      return [authority];
    case ':path':
      return [path];
  }
  const values: string[] = [];
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    if (header[0] === name) values.push(header[1]);
  }
  return values;
}

/**
 * The first parameter of the name as it is written, nothing decoded; empty where it has no value.
 *
 * Source: Envoy `source/common/http/utility.cc` (QueryParamsMulti::parseQueryString).
 */
function queryParameter(path: string, name: string): string | undefined {
  const start = path.indexOf('?');
  if (start < 0) return undefined;
  for (const parameter of path.slice(start + 1).split('&')) {
    const equals = parameter.indexOf('=');
    if ((equals < 0 ? parameter : parameter.slice(0, equals)) === name)
      return equals < 0 ? '' : parameter.slice(equals + 1);
  }
  return undefined;
}

/**
 * The value of `set-cookie` for a cookie that was made: `user="3efe73f9062c2e52"; Max-Age=60; Path=/p; HttpOnly`.
 *
 * Source: Envoy `source/common/http/utility.cc` (makeSetCookieValue).
 */
export function setCookieValue(
  { name, path, ttlMs = 0, attributes = [] }: CookiePolicy,
  value: string,
): string {
  const seconds = Math.trunc(ttlMs / 1000);
  return [
    `${name}="${value}"`,
    ...(seconds === 0 ? [] : [`Max-Age=${seconds}`]),
    ...(path ? [`Path=${path}`] : []),
    ...attributes.map((each) => (each.value === '' ? each.name : `${each.name}=${each.value}`)),
    'HttpOnly',
  ].join('; ');
}

/** A cookie's value from what tells one client from others: its connection's addresses. 16 hexadecimal digits. */
export function cookieValueOf(identity: string): string {
  xxHash64Text(identity, hash);
  return toBigInt(hash).toString(16).padStart(16, '0');
}
