/** Bodies on their way: watched for their end, and held to a limit. Pure web streams; imports nothing. */

/** How a body ended: read to its last byte, broken off by its source, or given up by its reader. */
export type BodyEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** A body that was larger than it may be. */
export class BodyTooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`The body is larger than ${maxBytes} bytes`);
    this.name = 'BodyTooLargeError';
  }
}

/** A watched body, and the means to break it off from outside. */
export interface WatchedBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Resolves once, when the body is over. */
  readonly ended: Promise<BodyEnd>;
  /** Fails the stream for its reader and cancels the source. */
  fail(error: Error): void;
}

/** The same bytes, with their end told. A chunk is passed on when it is asked for; nothing is held back. */
export function watchBody(
  source: ReadableStream<Uint8Array>,
  options: { readonly maxBytes?: number } = {},
): WatchedBody {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  const reader = source.getReader();
  const ended = Promise.withResolvers<BodyEnd>();
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let bytes = 0;
  let over = false;
  const fail = (error: unknown): void => {
    if (over) return;
    over = true;
    controller.error(error);
    reader.cancel(error).catch(() => {});
    ended.resolve({ kind: 'failed', error });
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      async pull() {
        try {
          const { done, value } = await reader.read();
          if (over) return;
          if (done) {
            over = true;
            controller.close();
            ended.resolve({ kind: 'complete' });
            return;
          }
          bytes += value.byteLength;
          if (bytes > maxBytes) fail(new BodyTooLargeError(maxBytes));
          else controller.enqueue(value);
        } catch (error) {
          fail(error);
        }
      },
      cancel(reason) {
        if (over) return;
        over = true;
        ended.resolve({ kind: 'cancelled' });
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, ended: ended.promise, fail };
}
