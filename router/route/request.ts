/** What the rules look at in a request, read once: normalised path, joined headers, scheme, query. Imports table types. */
import type { HeaderList, RouteRequest } from '../table/request.ts';
import type { Listener } from '../table/route-table.ts';
import { isGrpcContentType } from './grpc.ts';
import { firstHeader, joinRepeats, setHeader } from './header.ts';
import { normalizePath, parseQuery, pathOf } from './path.ts';
import { asciiLower } from './string-match.ts';

/** A request after Envoy's connection manager has had it, before its rules have. */
export interface RequestView {
  readonly method: string;
  /** Lower case. */
  readonly scheme: string;
  /** What `x-forwarded-proto` says, or would say once it is set: the scheme of the client's own connection. */
  readonly forwardedProto: string;
  readonly authority: string;
  /** Normalised, with query. */
  readonly path: string;
  /** {@link path} without its query: what paths are matched against. */
  readonly barePath: string;
  readonly headers: HeaderList;
  readonly isGrpc: boolean;
  /** The first value of each query parameter; parsed when first asked for. */
  query(): ReadonlyMap<string, string>;
  readonly http2: boolean;
  readonly sourceAddress?: string;
}

/**
 * Reads a request; undefined where its path cannot be normalised, which is answered 400.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateRequestHeaders, maybeNormalizePath).
 */
export function readRequest(request: RouteRequest, listener: Listener): RequestView | undefined {
  const http2 = request.http2 ?? false;
  const target = http2 ? undefined : splitAbsoluteTarget(request.path);
  const path = normalizePath(target?.path ?? request.path, listener.normalization);
  if (path === undefined) return undefined;
  let headers = joinRepeats(request.headers, http2);
  const own = (request.tls ?? (!http2 && asciiLower(request.scheme) === 'https')) ? 'https' : 'http';
  const forwarded = firstHeader(headers, 'x-forwarded-proto');
  const overruled = forwarded !== undefined && !listener.trustForwardedProto;
  if (overruled) headers = setHeader(headers, 'x-forwarded-proto', own);
  const forwardedProto = overruled ? own : (forwarded ?? own);
  let query: ReadonlyMap<string, string> | undefined;
  return {
    method: request.method,
    scheme: schemeOf(request, forwardedProto),
    forwardedProto,
    authority: target?.authority ?? request.authority,
    path,
    barePath: pathOf(path),
    headers,
    isGrpc: isGrpcContentType(firstHeader(headers, 'content-type')),
    query: () => {
      query ??= new Map(parseQuery(path).reverse());
      return query;
    },
    http2,
    ...(request.sourceAddress !== undefined && { sourceAddress: request.sourceAddress }),
  };
}

/** `http://host/path` as a proxy's client sends it: its host takes the place of the Host header. */
function splitAbsoluteTarget(path: string): { authority: string; path: string } | undefined {
  const found = /^https?:\/\/([^/?#]+)(.*)$/is.exec(path);
  if (!found) return undefined;
  const rest = found[2]!;
  return { authority: found[1]!, path: rest === '' ? '/' : rest };
}

/** HTTP/2 says it itself; of HTTP/1.1 it is what was forwarded, if that is a scheme. */
function schemeOf(request: RouteRequest, forwardedProto: string): string {
  if (request.http2) return asciiLower(request.scheme);
  const forwarded = asciiLower(forwardedProto);
  return forwarded === 'http' || forwarded === 'https' ? forwarded : asciiLower(request.scheme);
}

/** The value of a pseudo header, or undefined for a name that is none. `host` is the authority. */
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
    default:
      return undefined;
  }
}
