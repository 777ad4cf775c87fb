/**
 * Connect's gRPC on one HTTP/2 connection of our own engine, to a control plane. Node's own client of HTTP/2 would do
 * on Node, but ends the process on Deno.
 */
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import type { UniversalClientFn } from '@connectrpc/connect/protocol';
import { validateReadWriteMaxBytes } from '@connectrpc/connect/protocol';
import { createTransport } from '@connectrpc/connect/protocol-grpc';
import { ClientCall, headOf } from '../../upstream/client-call.ts';
import { Http2Upstream } from '../../upstream/remote/http2.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { ERROR_CODE } from '../../wire/stream.ts';
import type { XdsAddress } from './address.ts';
import type { PingLimits } from './stream.ts';

/** Calls of a control plane. */
export interface PlaneTransport extends Transport {
  /** Breaks off what is under way, and closes the connection. */
  close(): void;
}

/**
 * A transport that connects with its first call. A stream may be silent for as long as the peer answers PINGs. `ca`: PEM
 * of who may have signed the control plane's certificate. Default: those that the system trusts.
 */
export function createPlaneTransport(
  { host, port, tls }: XdsAddress,
  { pingIntervalMs, pingTimeoutMs }: PingLimits,
  ca: string | undefined,
): PlaneTransport {
  const serverName = tls?.serverName;
  const upstream = new Http2Upstream(
    { kind: 'socket', address: host.replace(/^\[|\]$/g, ''), port },
    {
      http2Limits: {
        pingAfterMs: pingIntervalMs,
        pingTimeoutMs,
        streamIdleTimeoutMs: Number.POSITIVE_INFINITY,
      },
      ...(tls && {
        tls: async () => ({
          ...(serverName !== undefined && { serverName }),
          ...(ca !== undefined && { ca }),
        }),
      }),
    },
  );
  const { unary, stream } = createTransport({
    baseUrl: `${tls ? 'https' : 'http'}://${host}:${port}`,
    httpClient: httpClientOf(upstream),
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    ...validateReadWriteMaxBytes(undefined, undefined, undefined),
  });
  return { unary, stream, close: () => upstream.close(true) };
}

/** What Connect's transports send requests by: all of them to one upstream. */
function httpClientOf(upstream: Upstream): UniversalClientFn {
  return (request) => {
    const call = new ClientCall();
    return call.send(headOf(request), request, (head, hasEnded) => {
      const stream = upstream.open(head, hasEnded, {
        inform() {},
        response: (status, fields, isLast) => call.respond(status, fields, isLast),
        data: (chunk) => call.write(chunk),
        end: (trailers) => call.end(trailers),
        sent: (bytes) => call.consumed(bytes),
        reset: (_reason, detail) => call.fail(new ConnectError(detail, Code.Unavailable)),
      });
      return {
        data: (chunk) => stream.write(chunk),
        end: (trailers) => stream.end(trailers),
        sent: (bytes) => stream.consumed(bytes),
        reset: () => stream.reset(ERROR_CODE.CANCEL),
      };
    });
  };
}
