/**
 * Which outcomes of a try are worth another one, by the words of a rule's `retryOn`. What it costs (how many, how
 * soon, where) is not judged here. Imports table types.
 */
import type { RetryPolicy } from '../table/decision.ts';
import type { HeaderList } from '../table/request.ts';

/** A `retryOn` made ready. */
export interface RetryConditions {
  /** Bits of {@link WORDS}. */
  readonly words: number;
  /** For `retriable-status-codes`. */
  readonly statusCodes: ReadonlySet<number>;
}

const ON_5XX = 1 << 0;
const ON_GATEWAY_ERROR = 1 << 1;
const ON_CONNECT_FAILURE = 1 << 2;
const ON_REFUSED_STREAM = 1 << 3;
const ON_RETRIABLE_4XX = 1 << 4;
const ON_STATUS_CODES = 1 << 5;
const ON_RESET = 1 << 6;
const ON_RESET_BEFORE_REQUEST = 1 << 7;
const ON_RATE_LIMITED = 1 << 8;
const ON_CANCELLED = 1 << 9;
const ON_DEADLINE_EXCEEDED = 1 << 10;
const ON_RESOURCE_EXHAUSTED = 1 << 11;
const ON_UNAVAILABLE = 1 << 12;
const ON_INTERNAL = 1 << 13;

const ON_GRPC = ON_CANCELLED | ON_DEADLINE_EXCEEDED | ON_RESOURCE_EXHAUSTED | ON_UNAVAILABLE | ON_INTERNAL;

/**
 * Envoy's words, HTTP's and gRPC's in one list as Istio gives them. `retriable-headers` names headers that Istio has
 * no words for, and `http3-post-connect-failure` a protocol that is not spoken: both never hold, nor does a word
 * that Envoy does not know.
 *
 * Source: Envoy `source/common/router/retry_state_impl.cc` (parseRetryOn, parseRetryGrpcOn).
 */
const WORDS: ReadonlyMap<string, number> = new Map([
  ['5xx', ON_5XX],
  ['gateway-error', ON_GATEWAY_ERROR],
  ['connect-failure', ON_CONNECT_FAILURE],
  ['refused-stream', ON_REFUSED_STREAM],
  ['retriable-4xx', ON_RETRIABLE_4XX],
  ['retriable-status-codes', ON_STATUS_CODES],
  ['reset', ON_RESET],
  ['reset-before-request', ON_RESET_BEFORE_REQUEST],
  ['envoy-ratelimited', ON_RATE_LIMITED],
  ['cancelled', ON_CANCELLED],
  ['deadline-exceeded', ON_DEADLINE_EXCEEDED],
  ['resource-exhausted', ON_RESOURCE_EXHAUSTED],
  ['unavailable', ON_UNAVAILABLE],
  ['internal', ON_INTERNAL],
]);

/** By gRPC status. */
const GRPC_WORDS: Readonly<Record<string, number>> = {
  1: ON_CANCELLED,
  4: ON_DEADLINE_EXCEEDED,
  8: ON_RESOURCE_EXHAUSTED,
  13: ON_INTERNAL,
  14: ON_UNAVAILABLE,
};

const compiled = new WeakMap<RetryPolicy, RetryConditions>();

/** The conditions of a policy, made once. */
export function retryConditionsOf(policy: RetryPolicy): RetryConditions {
  let conditions = compiled.get(policy);
  if (!conditions) {
    const words = policy.retryOn.reduce((bits, word) => bits | (WORDS.get(word) ?? 0), 0);
    conditions = { words, statusCodes: new Set(policy.statusCodes) };
    compiled.set(policy, conditions);
  }
  return conditions;
}

/**
 * True when an answer with this head is to be thrown away for another try. Of gRPC the status counts only where it
 * is in the head (Trailers-Only): one in the trailers comes too late.
 *
 * Source: Envoy `source/common/router/retry_state_impl.cc` (wouldRetryFromHeaders).
 */
export function retriesAnswer(
  { words, statusCodes }: RetryConditions,
  status: number,
  headers: HeaderList,
): boolean {
  let grpcStatus: string | undefined;
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    const name = header[0];
    // Lengths tell most names apart before any letter is compared.
    if (name.length === 11 && name === 'grpc-status') grpcStatus ??= header[1];
    else if (name.length === 19 && name === 'x-envoy-ratelimited') return (words & ON_RATE_LIMITED) !== 0;
  }
  if (status >= 400) {
    if (status >= 500 && status < 600 && (words & ON_5XX) !== 0) return true;
    if (status >= 502 && status <= 504 && (words & ON_GATEWAY_ERROR) !== 0) return true;
    if (status === 409 && (words & ON_RETRIABLE_4XX) !== 0) return true;
  }
  if ((words & ON_STATUS_CODES) !== 0 && statusCodes.size > 0 && statusCodes.has(status)) return true;
  return grpcStatus !== undefined && (words & ON_GRPC & (GRPC_WORDS[grpcStatus] ?? 0)) !== 0;
}

/**
 * True when a try that ended in a reset is to be made again. `reason` is Envoy's with dashes, `local-reset` for a
 * per-try timeout. Of a request that came to no connection nothing was sent; of all others a part may have arrived.
 *
 * Source: Envoy `source/common/router/retry_state_impl.cc` (wouldRetryFromReset).
 */
export function retriesReset({ words }: RetryConditions, reason: string): boolean {
  switch (reason) {
    case 'overflow':
      return false;
    case 'remote-connection-failure':
    case 'connection-timeout':
      if ((words & (ON_CONNECT_FAILURE | ON_RESET_BEFORE_REQUEST)) !== 0) return true;
      break;
    case 'remote-refused-stream-reset':
      if ((words & ON_REFUSED_STREAM) !== 0) return true;
      break;
  }
  // A reset is told to the client as a 503, so those who ask for 5xx ask for this.
  return (words & (ON_RESET | ON_5XX | ON_GATEWAY_ERROR)) !== 0;
}
