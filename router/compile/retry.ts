/** HTTPRetry -> retry policy with Istio's defaults. Imports schema types and the table's. */
import { durationMs } from '../schema/duration.ts';
import type { HTTPRetry } from '../schema/virtual-service.ts';
import type { RetryPolicy } from '../table/decision.ts';
import { NONE } from '../table/none.ts';

const DEFAULT_RETRY_ON = [
  'connect-failure',
  'refused-stream',
  'unavailable',
  'cancelled',
  'retriable-status-codes',
];
const DEFAULT_ATTEMPTS = 2;
/** Envoy's base interval. */
const DEFAULT_BACKOFF_MS = 25;

const DEFAULT: RetryPolicy = {
  attempts: DEFAULT_ATTEMPTS,
  retryOn: DEFAULT_RETRY_ON,
  statusCodes: NONE,
  perTryTimeoutMs: 0,
  backoffMs: DEFAULT_BACKOFF_MS,
  avoidPreviousHosts: true,
};
const DEFAULT_FOR_HASH: RetryPolicy = { ...DEFAULT, avoidPreviousHosts: false };

/**
 * The policy of a rule; without `retries` Istio's default, with `attempts: 0` none. A cluster picked by hash is
 * retried at the same endpoint unless the rule says otherwise.
 *
 * Source: Istio `pilot/pkg/networking/core/route/retry/retry.go` (ConvertPolicy).
 */
export function compileRetry(retry: HTTPRetry | undefined, consistentHash: boolean): RetryPolicy | undefined {
  if (!retry) return consistentHash ? DEFAULT_FOR_HASH : DEFAULT;
  const attempts = retry.attempts ?? 0;
  if (attempts <= 0) return undefined;
  return {
    attempts,
    ...(retry.retryOn ? parseRetryOn(retry.retryOn) : { retryOn: DEFAULT_RETRY_ON, statusCodes: NONE }),
    perTryTimeoutMs: Math.trunc(durationMs(retry.perTryTimeout) ?? 0),
    backoffMs: Math.trunc(durationMs(retry.backoff) ?? DEFAULT_BACKOFF_MS),
    avoidPreviousHosts: retry.retryIgnorePreviousHosts ?? !consistentHash,
  };
}

/** Words and status codes of `retryOn`; codes bring their own word. */
function parseRetryOn(text: string): { retryOn: string[]; statusCodes: number[] } {
  const retryOn: string[] = [];
  const statusCodes: number[] = [];
  for (const part of text.split(',')) {
    const word = part.trim();
    if (word === '') continue;
    if (/^[+-]?\d+$/.test(word) && KNOWN_STATUSES.has(Number(word))) statusCodes.push(Number(word));
    else retryOn.push(word);
  }
  if (statusCodes.length > 0 && !retryOn.join(',').includes('retriable-status-codes')) {
    retryOn.push('retriable-status-codes');
  }
  return { retryOn, statusCodes };
}

/** Those that Go's `http.StatusText` names. */
const KNOWN_STATUSES: ReadonlySet<number> = new Set([
  ...[100, 101, 102, 103],
  ...[200, 201, 202, 203, 204, 205, 206, 207, 208, 226],
  ...[300, 301, 302, 303, 304, 305, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418],
  ...[421, 422, 423, 424, 425, 426, 428, 429, 431, 451],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
]);
