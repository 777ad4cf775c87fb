/** What upstreams are told of a try: which one it is, and how long they have. Imports the header list. */
import type { HeaderList } from '../table/request.ts';
import { formatGrpcTimeout } from './grpc.ts';

type Header = HeaderList[number];

/** The same one each time, so that engines know it again. */
const FIRST: Header = ['x-envoy-attempt-count', '1'];

/**
 * The headers with `x-envoy-attempt-count`, in place of what the client says (`attempt` 0 leaves it as it is); with a limit of time
 * (`expectedMs`, 0 is none) also `x-envoy-expected-rq-timeout-ms`, and for gRPC `grpc-timeout`.
 *
 * Source: Envoy `source/common/router/router.cc` (FilterUtility::setTimeoutHeaders), Istio
 * `pilot/pkg/networking/core/httproute.go` (include_request_attempt_count).
 */
export function withAttempt(
  list: HeaderList,
  attempt: number,
  expectedMs: number,
  isGrpc: boolean,
): HeaderList {
  const headers: Header[] = [];
  for (let index = 0; index < list.length; index++) {
    const header = list[index]!;
    const name = header[0];
    // Lengths tell most names apart before any letter is compared.
    if (attempt > 0 && name.length === 21 && name === 'x-envoy-attempt-count') continue;
    if (expectedMs > 0) {
      if (isGrpc && name.length === 12 && name === 'grpc-timeout') continue;
      if (name.length === 30 && name === 'x-envoy-expected-rq-timeout-ms') continue;
    }
    headers.push(header);
  }
  if (attempt > 0) headers.push(attempt === 1 ? FIRST : ['x-envoy-attempt-count', `${attempt}`]);
  if (expectedMs > 0) {
    headers.push(['x-envoy-expected-rq-timeout-ms', `${expectedMs}`]);
    if (isGrpc) headers.push(['grpc-timeout', formatGrpcTimeout(Math.trunc(expectedMs))]);
  }
  return headers;
}
