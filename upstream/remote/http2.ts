/** Connections to an endpoint that speaks HTTP/2: requests share them, and more are opened as one is full. */
import { Http2ClientConnection } from '../../wire/http2/client.ts';
import type { RequestHead, Stream } from '../../wire/stream.ts';
import { PendingStream } from '../pending-stream.ts';
import { Driver, nowMs } from '../socket/driver.ts';
import type { Socket } from '../socket/socket.ts';
import type { ResetReason, Upstream, UpstreamReceiver } from '../upstream.ts';
import type { RemoteAddress, UpstreamTls } from './address.ts';
import { connect } from './connect.ts';

/** Upstream on one or more HTTP/2 connections; the first is opened when it is needed. */
export class Http2Upstream implements Upstream {
  readonly #address: RemoteAddress;
  readonly #tls: UpstreamTls | undefined;
  readonly #connections: Http2ClientConnection[] = [];
  #waiting: PendingStream[] = [];
  #isConnecting = false;
  #isClosing = false;

  constructor(address: RemoteAddress, tls: UpstreamTls | undefined) {
    this.#address = address;
    this.#tls = tls;
  }

  open(request: RequestHead, hasEnded: boolean, receiver: UpstreamReceiver): Stream {
    const connection = this.#withRoom();
    if (connection) return connection.open(request, hasEnded, receiver);
    const pending = new PendingStream(request, hasEnded, receiver);
    this.#waiting.push(pending);
    this.#connect();
    return pending;
  }

  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) connection.drain();
  }

  #withRoom(): Http2ClientConnection | undefined {
    const connections = this.#connections;
    for (let index = 0; index < connections.length; index++)
      if (connections[index]!.room > 0) return connections[index];
    return undefined;
  }

  #connect(): void {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    const events = {
      opened: (socket: Socket) => this.#opened(socket),
      failed: (reason: ResetReason, detail: string) => {
        this.#isConnecting = false;
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const pending of waiting) pending.fail(reason, detail);
      },
    };
    connect(this.#address, events, { alpn: 'h2', ...(this.#tls && { tls: this.#tls }) });
  }

  #opened(socket: Socket): void {
    this.#isConnecting = false;
    const driver = new Driver(socket, () => {
      const index = this.#connections.indexOf(connection);
      if (index !== -1) this.#connections.splice(index, 1);
    });
    const connection = new Http2ClientConnection(driver, { nowMs: nowMs() });
    this.#connections.push(connection);
    driver.start(connection);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const pending of waiting) {
      if (pending.isReset) continue;
      if (connection.room > 0) pending.attach(connection);
      else this.#waiting.push(pending);
    }
    if (this.#waiting.length > 0) this.#connect();
    if (this.#isClosing) connection.drain();
  }
}
