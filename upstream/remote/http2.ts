/** Connections to an endpoint that speaks HTTP/2: requests share them, and more are opened as one is full. */
import { Http2ClientConnection } from '../../wire/http2/client.ts';
import type { Http2Limits } from '../../wire/http2/limit.ts';
import type { RequestHead, Stream } from '../../wire/stream.ts';
import { Driver, nowMs } from '../socket/driver.ts';
import type { Socket } from '../socket/socket.ts';
import type { ResetReason, Upstream, UpstreamReceiver } from '../upstream.ts';
import { openWatched } from '../watched-exchange.ts';
import type { ConnectionOptions, RemoteAddress } from './address.ts';
import { connect } from './connect.ts';
import { type Held as HeldConnection, isWornOut } from './held.ts';
import { Waiting } from './waiting.ts';

type Held = HeldConnection<Http2ClientConnection>;

/** Four times what clients may send us: a window is a round trip, and large bodies are mostly answers. */
const WINDOWS: Partial<Http2Limits> = {
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
};

/**
 * Upstream on one or more HTTP/2 connections; the first is opened when it is needed.
 *
 * Source: Envoy `source/common/conn_pool/conn_pool_base.cc` (ConnPoolImplBase::newStreamImpl, onConnectionEvent).
 */
export class Http2Upstream implements Upstream {
  readonly #address: RemoteAddress;
  readonly #options: ConnectionOptions;
  readonly #all: Held[] = [];
  readonly #waiting: Waiting;
  /** Requests may have to wait for a stream to end, not only for a connection. */
  readonly #isBounded: boolean;
  #isConnecting = false;
  #isClosing = false;

  constructor(address: RemoteAddress, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#waiting = new Waiting(options.breaker?.pending);
    this.#isBounded = options.pool?.maxConnections !== undefined;
  }

  open(request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream {
    const held = this.#withRoom();
    if (held) return this.#send(held, request, hasEnded, receiver);
    const pending = this.#waiting.add(request, hasEnded, receiver);
    this.#connect();
    return pending;
  }

  close(isNow = false): void {
    this.#isClosing = true;
    for (const { connection } of this.#all) connection.drain();
    if (!isNow) return;
    this.#waiting.fail('local-reset', 'Closed');
    for (const { driver } of [...this.#all]) driver.destroy();
  }

  #send(held: Held, request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream {
    held.requests++;
    const { connection } = held;
    const stream = this.#isBounded
      ? openWatched(connection, request, hasEnded, receiver, this.#serveSoon)
      : connection.open(request, hasEnded, receiver);
    if (isWornOut(held, this.#options.pool)) connection.drain();
    return stream;
  }

  #withRoom(): Held | undefined {
    const all = this.#all;
    const most = this.#options.pool?.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    for (let index = 0; index < all.length; index++) {
      const held = all[index]!;
      const { connection } = held;
      if (connection.room === 0 || connection.streamCount >= most) continue;
      if (!isWornOut(held, this.#options.pool)) return held;
      connection.drain();
    }
    return undefined;
  }

  /** One at a time, within the cluster's limit; but one an endpoint may always have. */
  #connect(): void {
    if (this.#isConnecting || this.#waiting.size === 0) return;
    const limit = this.#options.breaker?.connections;
    if (limit && !limit.take()) {
      if (this.#all.length > 0) return;
      limit.force();
    }
    this.#isConnecting = true;
    connect(this.#address, this.#connected, 'h2', this.#options);
  }

  readonly #connected = {
    opened: (socket: Socket): void => this.#opened(socket),
    failed: (reason: ResetReason, detail: string): void => {
      this.#isConnecting = false;
      this.#options.breaker?.connections.release();
      this.#waiting.fail(reason, detail);
    },
  };

  #opened(socket: Socket): void {
    this.#isConnecting = false;
    const driver = new Driver(socket, () => {
      this.#options.breaker?.connections.release();
      const index = this.#all.indexOf(held);
      if (index !== -1) this.#all.splice(index, 1);
      this.#connect();
    });
    const openedMs = nowMs();
    const connection = new Http2ClientConnection(driver, { limits: this.#limits(), nowMs: openedMs });
    const held: Held = { connection, driver, openedMs, requests: 0 };
    this.#all.push(held);
    driver.start(connection);
    this.#serve();
    if (this.#isClosing) connection.drain();
  }

  #limits(): Partial<Http2Limits> {
    const { pool, http2Limits } = this.#options;
    if (!pool) return { ...WINDOWS, ...http2Limits };
    const { intervalMs, timeoutMs } = pool.http2KeepAlive ?? {};
    return {
      ...WINDOWS,
      idleTimeoutMs: pool.idleTimeoutMs || Number.POSITIVE_INFINITY,
      ...(intervalMs !== undefined && { pingAfterMs: intervalMs }),
      ...(timeoutMs !== undefined && { pingTimeoutMs: timeoutMs }),
      ...http2Limits,
    };
  }

  #serve(): void {
    for (let pending = this.#waiting.first(); pending; pending = this.#waiting.first()) {
      const held = this.#withRoom();
      if (!held) {
        this.#connect();
        return;
      }
      pending.attach({
        open: (request, hasEnded, receiver) => this.#send(held, request, hasEnded, receiver),
      });
    }
  }

  /** A stream has ended, though its connection may not know yet. */
  readonly #serveSoon = (): void => {
    if (this.#waiting.size > 0) queueMicrotask(() => this.#serve());
  };
}
