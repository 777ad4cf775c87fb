/** Requests that wait for a connection to one endpoint, in the order in which they came. */
import type { Limit } from '../../router/policy/circuit-breaker.ts';
import type { RequestHead } from '../../wire/stream.ts';
import { refused } from '../counted-upstream.ts';
import { PendingStream } from '../pending-stream.ts';
import type { ResetReason, UpstreamReceiver } from '../upstream.ts';

/** See the module. Each counts for the cluster's limit of them while it waits. */
export class Waiting {
  readonly #limit: Limit | undefined;
  readonly #queue = new Set<PendingStream>();

  constructor(limit: Limit | undefined) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** One more; or its refusal, where too many wait, and nothing to connect for. */
  add(head: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver) {
    const limit = this.#limit;
    if (limit && !limit.take())
      return refused(head, hasEnded, receiver, `${limit.max} requests wait for a connection`);
    const pending = new PendingStream(head, hasEnded, receiver);
    pending.left = () => {
      this.#queue.delete(pending);
      limit?.release();
    };
    this.#queue.add(pending);
    return pending;
  }

  /** The one that came first. It leaves when it is sent. */
  first(): PendingStream | undefined {
    return this.#queue.values().next().value;
  }

  /** No connection can be had: everybody may look for another endpoint. */
  fail(reason: ResetReason, detail: string): void {
    for (const pending of [...this.#queue]) pending.fail(reason, detail);
  }
}
