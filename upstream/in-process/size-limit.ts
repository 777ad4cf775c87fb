/**
 * The status that HTTP has for a body that is too large (RFC 9110, 15.5.14), in place of Connect's for
 * `resource_exhausted`, 429. Connect's clients read the code in the body, whatever the status. Imports the stream types.
 */
import type { FieldList, RequestHead, Stream } from '../../wire/stream.ts';
import type { ResetReason, UpstreamReceiver } from '../upstream.ts';

/** Sends a call on with `open`, and watches it where its body is one message that may turn out to be too large. */
export function withSizeLimit(
  maxBytes: number,
  { headers }: RequestHead,
  receiver: UpstreamReceiver,
  open: (receiver: UpstreamReceiver) => Stream,
): Stream {
  let contentType = '';
  let bytes = -1;
  for (const [name, value] of headers) {
    if (name === 'content-length') bytes = Number(value);
    else if (name === 'content-type') contentType = value;
  }
  const isOneMessage = !/^application\/(grpc|connect\+)/.test(contentType);
  if (!isOneMessage || (bytes >= 0 && bytes <= maxBytes)) return open(receiver);
  const count: Count = { leftBytes: bytes > maxBytes ? -1 : maxBytes };
  return new CountedStream(count, open(new CountingReceiver(count, receiver)));
}

interface Count {
  /** Negative: more have come than may. */
  leftBytes: number;
}

/** A call whose request is counted. */
export class CountedStream implements Stream {
  readonly #count: Count;
  /** The call itself. */
  readonly stream: Stream;

  constructor(count: Count, stream: Stream) {
    this.#count = count;
    this.stream = stream;
  }

  write(chunk: Uint8Array): void {
    this.#count.leftBytes -= chunk.length;
    this.stream.write(chunk);
  }

  end(trailers: FieldList): void {
    this.stream.end(trailers);
  }

  consumed(bytes: number): void {
    this.stream.consumed(bytes);
  }

  reset(code: number): void {
    this.stream.reset(code);
  }
}

class CountingReceiver implements UpstreamReceiver {
  readonly #count: Count;
  readonly #receiver: UpstreamReceiver;

  constructor(count: Count, receiver: UpstreamReceiver) {
    this.#count = count;
    this.#receiver = receiver;
  }

  inform(status: number, headers: FieldList): void {
    this.#receiver.inform(status, headers);
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    const isTooLarge = status === 429 && this.#count.leftBytes < 0;
    this.#receiver.response(isTooLarge ? 413 : status, headers, hasEnded);
  }

  data(chunk: Uint8Array): void {
    this.#receiver.data(chunk);
  }

  end(trailers: FieldList): void {
    this.#receiver.end(trailers);
  }

  reset(reason: ResetReason, detail: string): void {
    this.#receiver.reset(reason, detail);
  }

  sent(bytes: number): void {
    this.#receiver.sent(bytes);
  }
}
