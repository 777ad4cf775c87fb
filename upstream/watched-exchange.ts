/** An exchange whose end is heard of, however it comes. Imports the wire's types. */
import type { FieldList, RequestHead, Stream } from '../wire/stream.ts';
import type { Opener } from './pending-stream.ts';
import type { ResetReason, UpstreamReceiver } from './upstream.ts';

/** Sends a request. `over` is told once: at the end of the answer, or when either side breaks it off. */
export function openWatched(
  opener: Opener,
  head: RequestHead,
  hasEnded: boolean,
  receiver: UpstreamReceiver,
  over: () => void,
): Stream {
  const answer = new WatchedAnswer(receiver, over);
  return new WatchedRequest(opener.open(head, hasEnded, answer), answer);
}

class WatchedAnswer implements UpstreamReceiver {
  readonly #receiver: UpstreamReceiver;
  #over: (() => void) | undefined;

  constructor(receiver: UpstreamReceiver, over: () => void) {
    this.#receiver = receiver;
    this.#over = over;
  }

  inform(status: number, headers: FieldList): void {
    this.#receiver.inform(status, headers);
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.#receiver.response(status, headers, hasEnded);
    if (hasEnded) this.over();
  }

  data(chunk: Uint8Array): void {
    this.#receiver.data(chunk);
  }

  end(trailers: FieldList): void {
    this.#receiver.end(trailers);
    this.over();
  }

  reset(reason: ResetReason, detail: string): void {
    this.#receiver.reset(reason, detail);
    this.over();
  }

  sent(bytes: number): void {
    this.#receiver.sent(bytes);
  }

  over(): void {
    const over = this.#over;
    this.#over = undefined;
    over?.();
  }
}

class WatchedRequest implements Stream {
  readonly #stream: Stream;
  readonly #answer: WatchedAnswer;

  constructor(stream: Stream, answer: WatchedAnswer) {
    this.#stream = stream;
    this.#answer = answer;
  }

  write(chunk: Uint8Array): void {
    this.#stream.write(chunk);
  }

  end(trailers: FieldList): void {
    this.#stream.end(trailers);
  }

  consumed(bytes: number): void {
    this.#stream.consumed(bytes);
  }

  reset(code: number): void {
    this.#stream.reset(code);
    this.#answer.over();
  }
}
