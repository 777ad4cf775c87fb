/**
 * How long a call may take, as gRPC's clients say it. What a client's `grpc-timeout` means to a route is the
 * router's business, and so is reading it. Imports nothing.
 */

const MAX_AMOUNT = 99_999_999;

/**
 * Milliseconds, whole and not negative, as a `grpc-timeout` header has them: at most eight digits, so that what is
 * longer than 27 hours loses its milliseconds, and so on. Never more than was asked for.
 *
 * Source: gRPC over HTTP/2 (Timeout), Envoy `source/common/grpc/common.cc` (Common::toGrpcTimeout).
 */
export function formatGrpcTimeout(timeoutMs: number): string {
  if (timeoutMs <= MAX_AMOUNT) return `${timeoutMs}m`;
  const seconds = Math.floor(timeoutMs / 1000);
  if (seconds <= MAX_AMOUNT) return `${seconds}S`;
  const minutes = Math.floor(seconds / 60);
  if (minutes <= MAX_AMOUNT) return `${minutes}M`;
  return `${Math.min(Math.floor(minutes / 60), MAX_AMOUNT)}H`;
}
