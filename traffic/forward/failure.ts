/** What the client is told when an upstream gives no answer. Imports the response flags' type. */
import type { ResponseFlag } from '../../router/table/decision.ts';
import type { ResetReason } from '../../upstream/upstream.ts';
import type { FieldList } from '../../wire/stream.ts';
import type { Failure } from '../local-reply.ts';

/** Source: Envoy `source/common/router/router.cc` (onUpstreamTimeoutAbort). */
export const TIMEOUT: Failure = {
  status: 504,
  message: 'upstream request timeout',
  flag: 'UT',
  details: 'response_timeout',
};

/** Source: Envoy `source/common/router/router.cc` (onPerTryTimeout). */
export const TRY_TIMEOUT: Failure = { ...TIMEOUT, details: 'upstream_per_try_timeout' };

/** Source: Envoy `source/common/router/router.cc` (sendNoHealthyUpstreamResponse). */
export const NO_ENDPOINT: Failure = {
  status: 503,
  message: 'no healthy upstream',
  flag: 'UH',
  details: 'no_healthy_upstream',
};

/** Source: Envoy `source/common/router/router.cc` (Filter::decodeHeaders). */
export const NO_CLUSTER: Failure = { status: 503, message: '', flag: 'NC', details: 'cluster_not_found' };

/** Source: Envoy `source/common/router/router.cc` (Filter::decodeData). */
export const NOT_KEPT: Failure = {
  status: 507,
  message: 'exceeded request buffer limit while retrying upstream',
  details: 'request_payload_exceeded_retry_buffer_limit',
};

/** Source: Envoy `source/common/router/router.cc` (streamResetReasonToResponseFlag). */
const FLAGS: Readonly<Record<ResetReason, ResponseFlag>> = {
  'remote-connection-failure': 'UF',
  'connection-timeout': 'UF',
  'connection-termination': 'UC',
  'remote-reset': 'UR',
  'remote-refused-stream-reset': 'UR',
  'protocol-error': 'UPE',
  'local-reset': 'LR',
  overflow: 'UO',
};

/** Source: Envoy `source/common/router/router.cc` (onUpstreamAbort: x-envoy-overloaded of what was dropped). */
const OVERLOADED: FieldList = [['x-envoy-overloaded', 'true']];

/**
 * What the client is told of a try without an answer. 503, or 502 where the protocol was broken.
 *
 * Source: Envoy `source/common/router/router.cc` (onUpstreamReset), `source/common/http/utility.cc`
 * (resetReasonToString).
 */
export function failureOf(reason: ResetReason, isRetry: boolean): Failure {
  const which = isRetry ? 'retried and the latest reset reason' : 'reset reason';
  return {
    status: reason === 'protocol-error' ? 502 : 503,
    message: `upstream connect error or disconnect/reset before headers. ${which}: ${reason.replaceAll('-', ' ')}`,
    flag: FLAGS[reason],
    details: `upstream_reset_before_response_started{${reason.replaceAll('-', '_')}}`,
    ...(reason === 'overflow' && { headers: OVERLOADED }),
  };
}
