/**
 * How an endpoint's gRPC answer is read: its status as HTTP has it, and its message. The other way round, how an
 * answer is made for a gRPC client, is the router's (`router/route/grpc.ts`), which decides such answers.
 * Imports nothing.
 */

/**
 * The HTTP status of a gRPC status; 500 for a number that is none.
 *
 * Source: Envoy `source/common/grpc/status.cc` (Utility::grpcToHttpStatus), Connect protocol (Error Codes).
 */
export function httpStatusOf(grpcStatus: number): number {
  return HTTP_STATUS[grpcStatus] ?? 500;
}

/** By gRPC's number. */
const HTTP_STATUS: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

/**
 * The message of a `grpc-message`: bytes in `%XX` joined with the others, as UTF-8. What is no `%XX` stays as it is,
 * and bytes that are no UTF-8 become U+FFFD: a broken message never hides the status beside it.
 *
 * Source: gRPC over HTTP/2 (Percent-Encoded).
 */
export function decodeGrpcMessage(value: string): string {
  if (!value.includes('%')) return value;
  const bytes = new Uint8Array(value.length);
  let length = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    const high = code === PERCENT ? hexDigit(value.charCodeAt(at + 1)) : -1;
    const low = high < 0 ? -1 : hexDigit(value.charCodeAt(at + 2));
    if (low < 0) bytes[length++] = code;
    else {
      bytes[length++] = high * 16 + low;
      at += 2;
    }
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, length));
}

const PERCENT = 0x25;

/** The digit's value; -1 for what is none, NaN included. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
