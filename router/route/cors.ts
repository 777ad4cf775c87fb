/** Cross-origin requests: which origins may call, what a preflight is answered. Imports table types. */
import type { HeaderList } from '../table/request.ts';
import type { CorsPolicy } from '../table/route-table.ts';
import { firstHeader, setHeader } from './header.ts';
import type { RequestView } from './request.ts';
import type { StringTest } from './string-match.ts';

/** What the policy makes of a request. */
export interface CorsOutcome {
  /** To set on the answer; absent for requests without an allowed origin. */
  readonly headers?: HeaderList;
  /** Headers of the answer to a preflight, which goes no further. */
  readonly preflight?: HeaderList;
}

/**
 * Judges a request by the policy, whose `allowOrigins` are given compiled. A preflight is OPTIONS with `origin` and `access-control-request-method`.
 *
 * Source: Envoy `source/extensions/filters/http/cors/cors_filter.cc` (decodeHeaders, encodeHeaders).
 */
export function judgeCors(
  view: RequestView,
  policy: CorsPolicy,
  allowOrigins: readonly StringTest[],
): CorsOutcome {
  const origin = firstHeader(view.headers, 'origin');
  if (!origin) return {};
  const allowed = allowOrigins.some((test) => test('*') || test(origin));
  const credentials: HeaderList = policy.allowCredentials
    ? [['access-control-allow-credentials', 'true']]
    : [];
  const headers: HeaderList | undefined = allowed
    ? [
        ['access-control-allow-origin', origin],
        ...credentials,
        ...header('access-control-expose-headers', policy.exposeHeaders),
      ]
    : undefined;
  const method = firstHeader(view.headers, 'access-control-request-method');
  const isPreflight = view.method === 'OPTIONS' && Boolean(method);
  if (!isPreflight || (!allowed && policy.forwardUnmatchedPreflights)) return headers ? { headers } : {};
  const asked = firstHeader(view.headers, 'access-control-request-headers') ?? '';
  let preflight: HeaderList = [
    ...(allowed ? ([['access-control-allow-origin', origin]] as const) : []),
    ...credentials,
    ...header('access-control-allow-methods', policy.allowMethods, method!),
    ...header('access-control-allow-headers', policy.allowHeaders, asked),
    ...header('access-control-max-age', policy.maxAge ?? ''),
  ];
  for (const [name, value] of headers ?? []) preflight = setHeader(preflight, name, value);
  return { preflight };
}

/** A header with the policy's value; `*` is answered with what was asked for. */
function header(name: string, value: string, asked = value): HeaderList {
  return value === '' ? [] : [[name, value === '*' ? asked : value]];
}
