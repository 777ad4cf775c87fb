/** A request's body that nobody reads. Imports the wire's types. */
import type { Stream, StreamReceiver } from '../../wire/stream.ts';

/** Takes what still comes of a request that has been answered, so that its connection goes on. */
export function discard(stream: Pick<Stream, 'consumed'>): StreamReceiver {
  return {
    data: (chunk) => stream.consumed(chunk.length),
    end() {},
    reset() {},
    sent() {},
  };
}
