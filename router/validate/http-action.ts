/**
 * Istio's rules for what an HTTP route does: redirect, direct response, rewrite, retries, fault, CORS,
 * mirrors. Imports the schema's types and the rules for texts and numbers.
 * Source: istio/istio pkg/config/validation/validation.go, pkg/config/validation/agent/validation.go
 */

import { parseDuration } from '../schema/duration.ts';
import { GRPC_STATUSES } from '../schema/grpc-status.ts';
import type {
  CorsPolicy,
  HTTPDirectResponse,
  HTTPFaultInjection,
  HTTPMatchRequest,
  HTTPMirrorPolicy,
  HTTPRedirect,
  HTTPRetry,
  HTTPRewrite,
} from '../schema/virtual-service.ts';
import { checkDestination } from './destination.ts';
import { checkCorsHeader } from './header.ts';
import { checkDuration, checkHttpStatus, checkMirrorShare, checkPort, checkShare } from './quantity.ts';
import { quote, type Spot } from './spot.ts';
import { checkRegex, checkRegexMatch } from './text-match.ts';

const CORS_METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  '*',
]);
const RETRY_CONDITIONS = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'envoy-ratelimited',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);
/** Statuses that Go's net/http has a text for, as ranges. */
const NAMED_STATUSES: readonly (readonly [number, number])[] = [
  [100, 103],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 418],
  [421, 426],
  [428, 429],
  [431, 431],
  [451, 451],
  [500, 508],
  [510, 511],
];
/** Reports a redirect that says nothing or contradicts itself. */
export function checkRedirect(
  redirect: HTTPRedirect | undefined,
  matches: readonly HTTPMatchRequest[] | undefined,
  here: Spot,
): void {
  if (redirect === undefined) return;
  if (redirect.uri && redirect.prefixRewrite) {
    here.error('exclusive-fields', `Cannot have uri beside prefixRewrite in ${here}: keep one of them`);
    return;
  }
  if (
    redirect.prefixRewrite &&
    (matches ?? []).some(({ uri }) => uri !== undefined && uri.prefix === undefined)
  ) {
    here
      .at('prefixRewrite')
      .error('redirect', `Cannot replace a prefix in ${here}: each uri of the rule's match must be a prefix`);
    return;
  }
  const empty =
    !redirect.uri &&
    !redirect.prefixRewrite &&
    !redirect.authority &&
    !redirect.scheme &&
    redirect.port === undefined &&
    redirect.derivePort === undefined;
  if (empty)
    here.error(
      'redirect',
      `Expected uri, prefixRewrite, authority, scheme, port or derivePort in ${here}, got none`,
    );
  const code = redirect.redirectCode ?? 0;
  if (code !== 0 && (code < 300 || code > 399))
    here
      .at('redirectCode')
      .error('http-status', `Cannot redirect with status ${code} in ${here}: the range is 300 to 399`);
  if (redirect.scheme && redirect.scheme !== 'http' && redirect.scheme !== 'https') {
    here
      .at('scheme')
      .error(
        'redirect',
        `Cannot redirect to the scheme ${quote(redirect.scheme)} in ${here}: write "http" or "https"`,
      );
  }
  if (redirect.port) checkPort(redirect.port, here.at('port'));
}

/** Reports a direct response with a status out of range or a body too large. */
export function checkDirectResponse(response: HTTPDirectResponse | undefined, here: Spot): void {
  if (response === undefined) return;
  const { body } = response;
  const size =
    body?.string !== undefined ? new TextEncoder().encode(body.string).length : base64Size(body?.bytes);
  if (size > 1024 * 1024)
    here.at('body').error('large-body', `Cannot answer with ${size} bytes in ${here}: the limit is 1 MiB`);
  else if (size > 100 * 1024)
    here
      .at('body')
      .warning('large-body', `A body of ${size} bytes in ${here} may slow down the control plane`);
  checkHttpStatus(response.status ?? 0, response.status === undefined ? here : here.at('status'));
}

/** Reports a rewrite that says nothing or contradicts itself. */
export function checkRewrite(rewrite: HTTPRewrite | undefined, here: Spot): void {
  if (rewrite === undefined) return;
  const regex = rewrite.uriRegexRewrite;
  if (rewrite.uri && regex !== undefined)
    here.error('exclusive-fields', `Cannot have uri beside uriRegexRewrite in ${here}: keep one of them`);
  else if (!rewrite.uri && regex === undefined && !rewrite.authority)
    here.error('rewrite', `Expected uri, uriRegexRewrite or authority in ${here}, got none`);
  else if (regex !== undefined && (!regex.match || !regex.rewrite))
    here
      .at('uriRegexRewrite')
      .error('rewrite', `Expected both match and rewrite in ${here.at('uriRegexRewrite')}`);
  else if (regex !== undefined) checkRegex(regex.match!, here.at('uriRegexRewrite', 'match'));
}

/** Reports a retry policy that contradicts itself or has an unknown condition. Source: agent.ValidateHTTPRetry */
export function checkRetries(retries: HTTPRetry | undefined, here: Spot): void {
  if (retries === undefined) return;
  const attempts = retries.attempts ?? 0;
  if (attempts < 0)
    here
      .at('attempts')
      .error('retry', `Cannot try ${attempts} times in ${here}: write 0 to turn retries off`);
  if (
    attempts === 0 &&
    (retries.perTryTimeout !== undefined || retries.retryOn || retries.retryRemoteLocalities !== undefined)
  ) {
    here.error('retry', `Cannot have other settings in ${here} while attempts is 0: set attempts`);
  }
  checkDuration(retries.perTryTimeout, here.at('perTryTimeout'));
  for (const condition of retries.retryOn ? retries.retryOn.split(',') : []) {
    if (RETRY_CONDITIONS.has(condition) || isNamedStatus(condition)) continue;
    const trimmed = condition.trim();
    const hint =
      condition !== trimmed && (RETRY_CONDITIONS.has(trimmed) || isNamedStatus(trimmed))
        ? ', leave out the space'
        : '';
    here
      .at('retryOn')
      .error(
        'retry',
        `Cannot retry on ${quote(condition)} in ${here}: it is no condition of Envoy's and no status${hint}`,
      );
  }
  checkDuration(retries.backoff, here.at('backoff'));
}

/** Reports a fault that says nothing or that Istio cannot inject. */
export function checkFault(fault: HTTPFaultInjection | undefined, here: Spot): void {
  if (fault === undefined) return;
  if (fault.abort === undefined && fault.delay === undefined)
    here.error('fault', `Expected abort or delay in ${here}, got none`);
  if (fault.abort !== undefined) {
    const place = here.at('abort');
    checkShare(fault.abort.percentage?.value, place.at('percentage', 'value'));
    const { grpcStatus, http2Error, httpStatus } = fault.abort;
    if (grpcStatus !== undefined && !GRPC_STATUSES.includes(grpcStatus)) {
      place
        .at('grpcStatus')
        .error(
          'grpc-status',
          `Cannot abort with gRPC status ${quote(grpcStatus)} in ${place}: write a name such as "UNAVAILABLE"`,
        );
    } else if (http2Error !== undefined) {
      place
        .at('http2Error')
        .error(
          'fault',
          `Cannot abort with an HTTP/2 error in ${place}: Istio does not support it, use httpStatus or grpcStatus`,
        );
    } else if (httpStatus !== undefined) {
      checkHttpStatus(httpStatus, place.at('httpStatus'));
    } else if (grpcStatus === undefined) {
      place.warning('fault', `The abort in ${place} has neither httpStatus nor grpcStatus, and does nothing`);
    }
  }
  if (fault.delay !== undefined) {
    const place = here.at('delay');
    checkShare(fault.delay.percentage?.value, place.at('percentage', 'value'));
    checkDuration(fault.delay.fixedDelay, place.at('fixedDelay'));
    if (fault.delay.exponentialDelay !== undefined) {
      place
        .at('exponentialDelay')
        .error(
          'fault',
          `Cannot delay exponentially in ${place}: Istio does not support it, use fixedDelay`,
          'key',
        );
    }
  }
}

/** Reports origins, methods, headers and ages that are not valid. */
export function checkCors(policy: CorsPolicy | undefined, here: Spot): void {
  if (policy === undefined) return;
  for (const [index, origin] of (policy.allowOrigins ?? []).entries()) {
    const place = here.at('allowOrigins', index);
    if (!origin.exact && !origin.prefix && !origin.regex)
      place.error('cors', `Expected a value in exact, prefix or regex in ${place}, got none`);
    else checkRegexMatch(origin, place);
  }
  for (const [index, method] of (policy.allowMethods ?? []).entries()) {
    if (CORS_METHODS.has(method)) continue;
    const place = here.at('allowMethods', index);
    place.error(
      'cors',
      `Cannot allow the method ${quote(method)} in ${place}: write ${[...CORS_METHODS].join(', ')}`,
    );
  }
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    for (const [index, name] of (policy[field] ?? []).entries()) checkCorsHeader(name, here.at(field, index));
  }
  checkDuration(policy.maxAge, here.at('maxAge'));
  const age = policy.maxAge === undefined ? undefined : parseDuration(policy.maxAge);
  if (age !== undefined && age > 0n && age % 1_000_000_000n !== 0n) {
    here
      .at('maxAge')
      .error(
        'bad-duration',
        `Cannot use ${quote(policy.maxAge!)} in ${here.at('maxAge')}: whole seconds only`,
      );
  }
}

/** Reports mirrors without destination, or with a share out of range. */
export function checkMirrors(mirrors: readonly HTTPMirrorPolicy[] | undefined, here: Spot): void {
  for (const [index, mirror] of (mirrors ?? []).entries()) {
    const place = here.at(index);
    if (mirror.destination === undefined) {
      place.error('missing-field', `Expected a destination in ${place}, got none`);
      continue;
    }
    checkDestination(mirror.destination, place.at('destination'));
    checkMirrorShare(mirror.percentage?.value, place.at('percentage', 'value'));
  }
}

function isNamedStatus(text: string): boolean {
  if (!/^[+-]?[0-9]+$/.test(text)) return false;
  const status = Number(text);
  return NAMED_STATUSES.some(([first, last]) => status >= first && status <= last);
}

function base64Size(text: string | undefined): number {
  return text === undefined ? 0 : (text.length / 4) * 3 - (/=*$/.exec(text)?.[0].length ?? 0);
}
