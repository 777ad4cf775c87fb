/** How an answer that no upstream gave is told to a gRPC client. Imports nothing. */

/**
 * True for a content type that Envoy takes as gRPC: `application/grpc`, alone or with a `+` suffix.
 *
 * Source: Envoy `source/common/grpc/common.cc` (hasGrpcContentType).
 */
export function isGrpcContentType(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType.charCodeAt(GRPC_AT) !== SMALL_G) return false;
  return contentType === 'application/grpc' || contentType.startsWith('application/grpc+');
}

/** Where its name stands, whose first letter tells most other types apart. */
const GRPC_AT = 'application/'.length;
const SMALL_G = 'g'.charCodeAt(0);

/**
 * The gRPC status of an HTTP status; 2, UNKNOWN, for those without one of their own, success included.
 *
 * Source: Envoy `source/common/grpc/status.cc` (Utility::httpToGrpcStatus).
 */
export function grpcStatusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** Milliseconds of a `grpc-timeout` header, rounded up; undefined for what is none. */
export function parseGrpcTimeout(value: string | undefined): number | undefined {
  const found = /^(\d{1,8})([HMSmun])$/.exec(value ?? '');
  if (!found) return undefined;
  const amount = Number(found[1]);
  switch (found[2]) {
    case 'H':
      return amount * 3_600_000;
    case 'M':
      return amount * 60_000;
    case 'S':
      return amount * 1000;
    case 'm':
      return amount;
    case 'u':
      return Math.ceil(amount / 1000);
    default:
      return Math.ceil(amount / 1_000_000);
  }
}

/**
 * A message as `grpc-message` carries it: what is not printable ASCII, and `%`, as UTF-8 bytes in `%XX`.
 *
 * Source: gRPC over HTTP/2 (Percent-Encoded), Envoy `source/common/http/utility.cc` (PercentEncoding::encode).
 */
export function encodeGrpcMessage(message: string): string {
  let out = '';
  for (const byte of new TextEncoder().encode(message)) {
    const printable = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += printable ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

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
