/** Connections to an endpoint that speaks HTTP/1.1: one request at a time each, kept for the next one. */
import { Http1ClientConnection } from '../../wire/http1/client.ts';
import type { FieldList, RequestHead, Stream } from '../../wire/stream.ts';
import type { Opener } from '../pending-stream.ts';
import { Driver, nowMs } from '../socket/driver.ts';
import type { Socket } from '../socket/socket.ts';
import type { ResetReason, Upstream, UpstreamReceiver } from '../upstream.ts';
import type { ConnectionOptions, RemoteAddress } from './address.ts';
import { connect } from './connect.ts';
import { type Held as HeldConnection, isWornOut } from './held.ts';
import { Waiting } from './waiting.ts';

type Held = HeldConnection<Http1ClientConnection>;

/**
 * Upstream on HTTP/1.1 connections, opened as they are needed. A request that waits takes the first connection that
 * is opened or becomes free; when one cannot be opened, all that wait are told.
 *
 * Source: Envoy `source/common/conn_pool/conn_pool_base.cc` (ConnPoolImplBase::newStreamImpl, onConnectionEvent).
 */
export class Http1Upstream implements Upstream {
  readonly #address: RemoteAddress;
  readonly #options: ConnectionOptions;
  /** The one that was used last comes first: the others may go idle and be closed. */
  readonly #idle: Held[] = [];
  readonly #all = new Set<Held>();
  readonly #waiting: Waiting;
  #connecting = 0;
  #isClosing = false;

  constructor(address: RemoteAddress, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#waiting = new Waiting(options.breaker?.pending);
  }

  open(request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream {
    for (let held = this.#idle.pop(); held; held = this.#idle.pop()) {
      const { connection } = held;
      if (connection.room > 0 && !isWornOut(held, this.#options.pool)) {
        held.requests++;
        return new Returning(this, held, receiver).open(request, hasEnded);
      }
      connection.drain();
    }
    const pending = this.#waiting.add(request, hasEnded, receiver);
    this.#connect();
    return pending;
  }

  close(isNow = false): void {
    this.#isClosing = true;
    this.#idle.length = 0;
    for (const { connection } of this.#all) connection.drain();
    if (!isNow) return;
    this.#waiting.fail('local-reset', 'Closed');
    for (const { driver } of this.#all) driver.destroy();
  }

  /** An exchange has ended: its connection takes the next one, where it can. */
  release(held: Held): void {
    const { connection } = held;
    if (!connection.canReuse) return;
    if (this.#isClosing || isWornOut(held, this.#options.pool)) connection.drain();
    else this.#serve(held);
  }

  #serve(held: Held): void {
    const pending = this.#waiting.first();
    if (!pending) {
      this.#idle.push(held);
      return;
    }
    held.requests++;
    pending.attach(new Returning(this, held, pending.receiver));
  }

  /** As many connections as requests wait, within the cluster's limit; but one an endpoint may always have. */
  #connect(): void {
    const limit = this.#options.breaker?.connections;
    while (this.#connecting < this.#waiting.size) {
      if (limit && !limit.take()) {
        if (this.#connecting + this.#all.size > 0) return;
        limit.force();
      }
      this.#connecting++;
      connect(this.#address, this.#connected, 'http/1.1', this.#options);
    }
  }

  readonly #connected = {
    opened: (socket: Socket): void => {
      this.#connecting--;
      this.#opened(socket);
    },
    failed: (reason: ResetReason, detail: string): void => {
      this.#connecting--;
      this.#options.breaker?.connections.release();
      this.#waiting.fail(reason, detail);
    },
  };

  #opened(socket: Socket): void {
    const { pool, breaker } = this.#options;
    const driver = new Driver(socket, () => {
      breaker?.connections.release();
      this.#all.delete(held);
      const index = this.#idle.indexOf(held);
      if (index !== -1) this.#idle.splice(index, 1);
      this.#connect();
    });
    const openedMs = nowMs();
    const limits = pool && { idleTimeoutMs: pool.idleTimeoutMs || Number.POSITIVE_INFINITY };
    const connection = new Http1ClientConnection(driver, { nowMs: openedMs, ...(limits && { limits }) });
    const held: Held = { connection, driver, openedMs, requests: 0 };
    this.#all.add(held);
    driver.start(connection);
    this.#serve(held);
    if (this.#isClosing) connection.drain();
  }
}

/** Passes an answer on, and gives the connection back at its end. */
class Returning implements UpstreamReceiver, Opener {
  readonly #owner: Http1Upstream;
  readonly #held: Held;
  readonly #receiver: UpstreamReceiver;
  #isOpen = false;

  constructor(owner: Http1Upstream, held: Held, receiver: UpstreamReceiver) {
    this.#owner = owner;
    this.#held = held;
    this.#receiver = receiver;
  }

  /** A request that cannot be sent is refused by the engine at once; who sent it hears of that afterwards. */
  open(request: RequestHead, hasEnded: boolean): Stream {
    const stream = this.#held.connection.open(request, hasEnded, this);
    this.#isOpen = true;
    return stream;
  }

  inform(status: number, headers: FieldList): void {
    this.#receiver.inform(status, headers);
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.#receiver.response(status, headers, hasEnded);
    if (hasEnded) this.#owner.release(this.#held);
  }

  data(chunk: Uint8Array): void {
    this.#receiver.data(chunk);
  }

  end(trailers: FieldList): void {
    this.#receiver.end(trailers);
    this.#owner.release(this.#held);
  }

  reset(reason: ResetReason, detail: string): void {
    if (this.#isOpen) this.#receiver.reset(reason, detail);
    else queueMicrotask(() => this.#receiver.reset(reason, detail));
    this.#owner.release(this.#held);
  }

  sent(bytes: number): void {
    this.#receiver.sent(bytes);
  }
}
