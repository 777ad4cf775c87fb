/** What the rules look at in a request, read once: normalised path, joined headers, scheme, query. Imports table types. */
import type { HeaderList, RouteRequest } from '../table/request.ts';
import type { Listener } from '../table/route-table.ts';
import { isGrpcContentType } from './grpc.ts';
import { firstHeader, isUnknown, joinRepeats, lookOf, setHeader } from './header.ts';
import { isInternalHeader } from './internal-header.ts';
import { findQueryValue, normalizePath, normalLength, parseQuery, pathOf } from './path.ts';
import { asciiLower } from './string-match.ts';

/** A request after Envoy's connection manager has had it, before its rules have. */
export interface RequestView {
  method: string;
  /** Lower case. */
  scheme: string;
  /** What `x-forwarded-proto` says, or would say once it is set: the scheme of the client's own connection. */
  forwardedProto: string;
  authority: string;
  /** Normalised, with query. */
  path: string;
  /** {@link path} without its query: what paths are matched against. */
  barePath: string;
  headers: HeaderList;
  isGrpc: boolean;
  http2: boolean;
  sourceAddress: string | undefined;
  /** What clients say of those before them is not believed. */
  isEdge: boolean;
  /** For {@link queryOf}. */
  query: ReadonlyMap<string, string> | undefined;
}

/** To read requests into, one after the other. */
export function blankView(): RequestView {
  return {
    method: '',
    scheme: '',
    forwardedProto: '',
    authority: '',
    path: '',
    barePath: '',
    headers: [],
    isGrpc: false,
    http2: false,
    sourceAddress: undefined,
    isEdge: false,
    query: undefined,
  };
}

/**
 * Reads a request into `view` and returns it; undefined where it is none that can be routed (see
 * {@link unroutable}). What is as it should be already is taken over, not copied.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateRequestHeaders, maybeNormalizePath).
 */
export function readRequest(
  request: RouteRequest,
  listener: Listener,
  view: RequestView,
): RequestView | undefined {
  if (isUntypedQuery(request)) return undefined;
  const http2 = request.http2 ?? false;
  const target = http2 || isOriginForm(request.path) ? null : splitAbsoluteTarget(request.path);
  let path: string | undefined = target ? target[3] || '/' : request.path;
  let bareLength = normalLength(path);
  if (bareLength === -1) {
    // A CONNECT has no path.
    if (path !== '' && !isOriginForm(path)) return undefined;
    path = normalizePath(path, listener.normalization);
    if (path === undefined) return undefined;
    bareLength = pathOf(path).length;
  }
  const own = isTls(request, http2) ? 'https' : 'http';
  let { headers } = request;
  let forwarded: string | undefined;
  let contentType: string | undefined;
  let looks = 0;
  let alike = 0;
  let hasUnknown = false;
  let hasInternal = false;
  const isClients = !request.isSanitized;
  const isEdge = !listener.trustForwardedProto;
  // One pass for all that has to be known of names; lengths tell most apart before any letter is compared.
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    const name = header[0];
    const look = lookOf(name);
    alike |= looks & look;
    looks |= look;
    if (look === CONTENT_TYPE_LOOK && name === CONTENT_TYPE) contentType ??= header[1];
    else if (look === FORWARDED_PROTO_LOOK && name === FORWARDED_PROTO) forwarded ??= header[1];
    else if (isClients && isInternalHeader(name, isEdge)) hasInternal = true;
    else if ((look === REFERER_LOOK || look === COOKIE_LOOK) && isUnknown(header, http2)) hasUnknown = true;
  }
  if (hasInternal) headers = headers.filter(([name]) => !isInternalHeader(name, isEdge));
  if (alike !== 0 || hasUnknown) {
    const joined = joinRepeats(headers, http2);
    if (joined !== headers) {
      headers = joined;
      forwarded = firstHeader(headers, FORWARDED_PROTO);
      contentType = firstHeader(headers, CONTENT_TYPE);
    }
  }
  if (isEdge && isClients && request.sourceAddress !== undefined)
    headers = [...headers, ['x-envoy-external-address', request.sourceAddress]];
  if (isEdge && forwarded !== undefined && forwarded !== own) {
    headers = setHeader(headers, FORWARDED_PROTO, own);
    forwarded = own;
  }
  const forwardedProto = forwarded ?? own;
  view.method = request.method;
  view.scheme = target ? asciiLower(target[1]!) : schemeOf(request, forwardedProto);
  view.forwardedProto = forwardedProto;
  view.authority = target ? target[2]! : request.authority;
  view.path = path;
  view.barePath = bareLength === path.length ? path : path.slice(0, bareLength);
  view.headers = headers;
  view.isGrpc = contentType !== undefined && isGrpcContentType(contentType);
  view.http2 = http2;
  view.sourceAddress = request.sourceAddress;
  view.isEdge = isEdge;
  view.query = undefined;
  return view;
}

/**
 * How a request is answered that {@link readRequest} refuses: 404 for a path that begins with no slash, such as that
 * of `OPTIONS *`, 400 for one that cannot be normalised, and for a QUERY without content type.
 *
 * Source: Envoy `source/common/http/conn_manager_impl.cc` (ActiveStream::decodeHeaders).
 */
export function unroutable(request: RouteRequest): {
  readonly status: 400 | 404;
  readonly method: string;
  readonly isGrpc: boolean;
  /** Ends a sentence that begins with the path. */
  readonly why: string;
} {
  const { method, path, headers, http2 = false } = request;
  const target = http2 ? null : splitAbsoluteTarget(path);
  const isUntyped = isUntypedQuery(request);
  const status = isUntyped || isOriginForm(target ? target[3]! : path) ? 400 : 404;
  return {
    status,
    method,
    why: isUntyped
      ? 'needs a content-type with QUERY'
      : status === 400
        ? 'cannot be normalised'
        : 'does not begin with a slash',
    isGrpc: isGrpcContentType(firstHeader(joinRepeats(headers, http2), CONTENT_TYPE)),
  };
}

/** A QUERY without content type, or with an empty one. Source: Envoy 1.40, asked. */
export function isUntypedQuery({ method, headers }: RouteRequest): boolean {
  return method === 'QUERY' && !firstHeader(headers, CONTENT_TYPE);
}

function isTls({ tls, scheme }: RouteRequest, http2: boolean): boolean {
  return tls ?? (!http2 && scheme !== 'http' && asciiLower(scheme) === 'https');
}

const FORWARDED_PROTO = 'x-forwarded-proto';
const CONTENT_TYPE = 'content-type';
const REQUEST_ID = 'x-request-id';
const MADE_ID = '00000000-0000-4000-8000-000000000000';
const FORWARDED_PROTO_LOOK = lookOf(FORWARDED_PROTO);
const CONTENT_TYPE_LOOK = lookOf(CONTENT_TYPE);
const REFERER_LOOK = lookOf('referer');
const COOKIE_LOOK = lookOf('cookie');

/** Shorter queries are searched for each parameter, longer ones parsed at once. */
const LONG_QUERY = 256;

/** The first value of a query parameter, or undefined. */
export function queryValue(view: RequestView, name: string): string | undefined {
  const { path, barePath } = view;
  if (path.length === barePath.length) return undefined;
  if (view.query || path.length - barePath.length > LONG_QUERY) return queryOf(view).get(name);
  return findQueryValue(path, barePath.length + 1, name);
}

/** The first value of each query parameter; parsed when first asked for. */
export function queryOf(view: RequestView): ReadonlyMap<string, string> {
  view.query ??= new Map(parseQuery(view.path).reverse());
  return view.query;
}

/** A path that begins with a slash, as nearly all do, names no host. */
function isOriginForm(path: string): boolean {
  return path.charCodeAt(0) === SLASH;
}

const SLASH = 0x2f;

/**
 * `http://user@host/path` as a proxy's client sends it: its scheme and host take the place of others, and its user
 * is left out.
 *
 * Source: Envoy `source/common/http/http1/codec_impl.cc` (ServerConnectionImpl::handlePath).
 */
function splitAbsoluteTarget(path: string): string[] | null {
  return /^(https?):\/\/(?:[^/?#@]*@)?([^/?#]+)(.*)$/is.exec(path);
}

/** HTTP/2 and absolute targets say it themselves; of other HTTP/1.1 it is what was forwarded, if that is a scheme. */
function schemeOf(request: RouteRequest, forwardedProto: string): string {
  if (request.http2 || request.hasScheme) return asciiLower(request.scheme);
  if (forwardedProto === 'http' || forwardedProto === 'https') return forwardedProto;
  const forwarded = asciiLower(forwardedProto);
  return forwarded === 'http' || forwarded === 'https' ? forwarded : asciiLower(request.scheme);
}

/**
 * The value of a pseudo header, or undefined for a name that is none. `host` is the authority, and rules see
 * `x-forwarded-proto` and `x-request-id` whether the client sent them or not: {@link MADE_ID} stands for an id that is
 * not made yet.
 */
export function pseudoHeader(view: RequestView, name: string): string | undefined {
  switch (name) {
    case ':authority':
    case 'host':
      return view.authority;
    case ':method':
      return view.method;
    case ':path':
      return view.path;
    case ':scheme':
      return view.scheme;
    case FORWARDED_PROTO:
      return view.forwardedProto;
    case REQUEST_ID:
      return firstHeader(view.headers, REQUEST_ID) || MADE_ID;
    default:
      return undefined;
  }
}

/** True for the names of which {@link pseudoHeader} has a value. */
export function isPseudoHeader(name: string): boolean {
  return PSEUDO_HEADERS.has(name);
}

const PSEUDO_HEADERS: ReadonlySet<string> = new Set([
  ...[':authority', 'host', ':method', ':path', ':scheme'],
  FORWARDED_PROTO,
  REQUEST_ID,
]);
