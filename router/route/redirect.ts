/** Where a redirect sends the client. Imports table types. */
import type { PathMatch, RedirectAction } from '../table/route-table.ts';
import { queryOf } from './path.ts';
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
  return `${scheme}://${host}${port}${newPath(view, action, match)}`;
}

function newPath(view: RequestView, action: RedirectTarget, match: PathMatch): string {
  if (action.prefix !== undefined) return replaceMatched(view.path, match, action.prefix);
  if (action.uri === undefined) return view.path;
  const path = action.uri.startsWith('/') ? action.uri : `/${action.uri}`;
  return path.includes('?') ? path : path + queryOf(view.path);
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
