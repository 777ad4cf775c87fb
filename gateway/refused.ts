/** What an engine has answered before there was a request: counted and logged all the same. Imports traffic's exchange. */
import { Exchange } from '../traffic/exchange.ts';
import type { ServerStream } from '../wire/stream.ts';
import type { ConnectionFacts } from './listener/listening.ts';
import type { ProxyContext } from './proxy.ts';

/**
 * Tells observers of it as of an exchange that is over, of which nothing but the answer is known.
 *
 * Source: Envoy `source/common/http/conn_manager_impl.cc` (ActiveStreamDecoderFilter::sendLocalReply for codec errors),
 * and what 1.40 logs.
 */
export function tellRefused(
  { ended, observed, overload, clock, rules }: ProxyContext,
  connection: ConnectionFacts,
  status: number,
  detail: string,
  bodyBytes: number,
): void {
  const { port, servicePort, http2, tls, sourceAddress, sourcePort } = connection;
  const head = {
    ...{ method: '', scheme: tls ? 'https' : 'http', authority: '', path: '', headers: [], http2, tls },
    port: servicePort ?? rules.defaultServicePort ?? port,
    ...(sourceAddress !== undefined && { sourceAddress }),
    ...(sourcePort !== undefined && { sourcePort }),
  };
  const exchange = new Exchange(NOBODY, head, true, undefined, undefined, undefined);
  if (observed !== 'nothing') exchange.startedMs = clock.now();
  exchange.status = status;
  exchange.sentBytes = bodyBytes;
  exchange.responseHeaders = [
    ['content-type', 'text/plain'],
    ['content-length', `${bodyBytes}`],
  ];
  exchange.details = detailsOf(status, detail);
  if (status !== 408) exchange.raise('DPE');
  // Who is told lets go of the exchange's place.
  overload.active++;
  ended(exchange);
}

/**
 * Envoy's words.
 *
 * Source: Envoy `source/common/http/http1/codec_impl.cc` (Http1ResponseCodeDetailValues),
 * `envoy/stream_info/stream_info.h` (ResponseCodeDetailValues).
 */
function detailsOf(status: number, detail: string): string {
  switch (status) {
    case 408:
      return 'request_header_timeout';
    case 414:
    case 431:
      return detail.startsWith('Too many') ? 'http1.too_many_headers' : 'http1.headers_too_large';
    case 501:
      return 'http1.invalid_transfer_encoding';
    default:
      return detail.startsWith('Both') ? 'http1.content_length_and_chunked_not_allowed' : 'http1.codec_error';
  }
}

const NOBODY: ServerStream = {
  respond() {},
  inform() {},
  write() {},
  end() {},
  consumed() {},
  reset() {},
};
