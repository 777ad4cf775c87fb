/** Where a redirect sends the client. Imports table types. */
import type { PathMatch, RedirectAction } from '../table/route-table.ts';
import { setHeader } from './header.ts';
import { pathOf, queryOf } from './path.ts';
import type { RequestView } from './request.ts';
import { replaceMatched } from './rewrite.ts';
import { asciiLower } from './string-match.ts';

/** What a redirect changes; nothing for an answer that only tells its own place. */
type RedirectTarget = Omit<RedirectAction, 'kind' | 'status'>;

/**
 * The value of `location`. What the rule leaves open is the request's own; its port goes where the rule gives
 * another, or where it is the default of the scheme that is left behind.
 *
 * Source: Envoy `source/common/http/utility.cc` (Utility::newUri), `source/common/router/config_impl.cc`.
 */
export function locationOf(view: RequestView, action: RedirectTarget, match: PathMatch): string {
  const scheme = action.scheme ?? view.scheme;
  const port = action.port === undefined ? '' : `:${action.port}`;
  const host = action.authority ?? requestHost(view, scheme, port !== '');
  const path = newPath(view, action, match);
  // Without the slash it would be a part of the host; a CONNECT has no path.
  const slash = path === '' || path.startsWith('/') ? '' : '/';
  return `${scheme}://${host}${port}${slash}${path}`;
}

/**
 * The request as headers of the answer tell of it: with the path that a new prefix gives, and the one before.
 *
 * Source: Envoy `source/common/router/config_impl.cc` (rewritePathHeader), measured on 1.40.
 */
export function redirected(view: RequestView, action: RedirectTarget, match: PathMatch): RequestView {
  if (action.prefix === undefined) return view;
  const path = newPath(view, action, match);
  const headers = setHeader(view.headers, 'x-envoy-original-path', view.path);
  return { ...view, path, barePath: pathOf(path), headers, query: undefined };
}

function newPath(view: RequestView, action: RedirectTarget, match: PathMatch): string {
  if (action.prefix !== undefined) return replaceMatched(view.path, match, action.prefix);
  if (action.uri === undefined) return view.path;
  return action.uri.includes('?') ? action.uri : action.uri + queryOf(view.path);
}

function requestHost(view: RequestView, newScheme: string, hasNewPort: boolean): string {
  const { authority } = view;
  const colon = authority.startsWith('[') ? authority.indexOf(']:') + 1 : authority.lastIndexOf(':');
  if (colon <= 0) return authority;
  const port = authority.slice(colon);
  const { forwardedProto } = view;
  const lower = asciiLower(forwardedProto);
  const isDefault = (lower === 'https' && port === ':443') || (lower === 'http' && port === ':80');
  return hasNewPort || (newScheme !== forwardedProto && isDefault) ? authority.slice(0, colon) : authority;
}
