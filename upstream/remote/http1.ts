/** Connections to an endpoint that speaks HTTP/1.1: one request at a time each, kept for the next one. */
import { Http1ClientConnection } from '../../wire/http1/client.ts';
import type { FieldList, RequestHead, Stream } from '../../wire/stream.ts';
import { type Opener, PendingStream } from '../pending-stream.ts';
import { Driver, nowMs } from '../socket/driver.ts';
import type { Socket } from '../socket/socket.ts';
import type { ResetReason, Upstream, UpstreamReceiver } from '../upstream.ts';
import type { RemoteAddress, UpstreamTls } from './address.ts';
import { connect } from './connect.ts';

/** Upstream on HTTP/1.1 connections, opened as they are needed. */
export class Http1Upstream implements Upstream {
  readonly #address: RemoteAddress;
  readonly #tls: UpstreamTls | undefined;
  /** The one that was used last comes first: the others may go idle and be closed. */
  readonly #idle: Http1ClientConnection[] = [];
  readonly #all = new Set<Http1ClientConnection>();
  #isClosing = false;

  constructor(address: RemoteAddress, tls: UpstreamTls | undefined) {
    this.#address = address;
    this.#tls = tls;
  }

  open(request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop()) {
      if (connection.room > 0) return new Returning(this, connection, receiver).open(request, hasEnded);
    }
    const pending = new PendingStream(request, hasEnded, receiver);
    connect(
      this.#address,
      {
        opened: (socket) => this.#opened(socket, pending),
        failed: (reason, detail) => pending.fail(reason, detail),
      },
      { alpn: 'http/1.1', ...(this.#tls && { tls: this.#tls }) },
    );
    return pending;
  }

  close(): void {
    this.#isClosing = true;
    this.#idle.length = 0;
    for (const connection of this.#all) connection.drain();
  }

  /** An exchange has ended: its connection takes the next one, where it can. */
  release(connection: Http1ClientConnection): void {
    if (!this.#isClosing && connection.canReuse) this.#idle.push(connection);
  }

  #opened(socket: Socket, pending: PendingStream): void {
    const driver = new Driver(socket, () => {
      this.#all.delete(connection);
      const index = this.#idle.indexOf(connection);
      if (index !== -1) this.#idle.splice(index, 1);
    });
    const connection = new Http1ClientConnection(driver, { nowMs: nowMs() });
    this.#all.add(connection);
    driver.start(connection);
    if (pending.isReset) this.release(connection);
    else pending.attach(new Returning(this, connection, pending.receiver));
    if (this.#isClosing) connection.drain();
  }
}

/** Passes an answer on, and gives the connection back at its end. */
class Returning implements UpstreamReceiver, Opener {
  readonly #owner: Http1Upstream;
  readonly #connection: Http1ClientConnection;
  readonly #receiver: UpstreamReceiver;
  #isOpen = false;

  constructor(owner: Http1Upstream, connection: Http1ClientConnection, receiver: UpstreamReceiver) {
    this.#owner = owner;
    this.#connection = connection;
    this.#receiver = receiver;
  }

  /** A request that cannot be sent is refused by the engine at once; who sent it hears of that afterwards. */
  open(request: RequestHead, hasEnded: boolean): Stream {
    const stream = this.#connection.open(request, hasEnded, this);
    this.#isOpen = true;
    return stream;
  }

  inform(status: number, headers: FieldList): void {
    this.#receiver.inform(status, headers);
  }

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.#receiver.response(status, headers, hasEnded);
    if (hasEnded) this.#owner.release(this.#connection);
  }

  data(chunk: Uint8Array): void {
    this.#receiver.data(chunk);
  }

  end(trailers: FieldList): void {
    this.#receiver.end(trailers);
    this.#owner.release(this.#connection);
  }

  reset(reason: ResetReason, detail: string): void {
    if (this.#isOpen) this.#receiver.reset(reason, detail);
    else queueMicrotask(() => this.#receiver.reset(reason, detail));
    this.#owner.release(this.#connection);
  }

  sent(bytes: number): void {
    this.#receiver.sent(bytes);
  }
}
