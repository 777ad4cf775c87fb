/** An endpoint whose requests count for its cluster's circuit breaker, whatever carries them. */
import type { Limit } from '../router/policy/circuit-breaker.ts';
import type { RequestHead, Stream } from '../wire/stream.ts';
import { PendingStream } from './pending-stream.ts';
import type { Upstream, UpstreamReceiver } from './upstream.ts';
import { openWatched } from './watched-exchange.ts';

/** A stream that is refused: the receiver hears of an overflow, though not from within the call. */
export function refused(
  head: RequestHead,
  hasEnded: boolean,
  receiver: UpstreamReceiver,
  detail: string,
): Stream {
  const stream = new PendingStream(head, hasEnded, receiver);
  queueMicrotask(() => stream.fail('overflow', detail));
  return stream;
}

/** The upstream within a limit of requests under way. */
export function countRequests(upstream: Upstream, requests: Limit): Upstream {
  const { close } = upstream;
  return {
    open(head, hasEnded, receiver) {
      if (!requests.take())
        return refused(head, hasEnded, receiver, `${requests.max} requests are under way`);
      return openWatched(upstream, head, hasEnded, receiver, () => requests.release());
    },
    ...(close && { close: (isNow?: boolean) => close.call(upstream, isNow) }),
  };
}
