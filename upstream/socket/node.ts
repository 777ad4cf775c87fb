/** Sockets of node:net and node:tls, on every runtime that has them. */
import type { Socket as NodeNetSocket } from 'node:net';
import type { ByteWriter } from '../../wire/byte-writer.ts';
import { NO_EVENTS, type Socket, type SocketEvents } from './socket.ts';

/** A socket, connected or about to be, as {@link Socket}. */
export class NodeSocket implements Socket {
  events: SocketEvents = NO_EVENTS;
  readonly #socket: NodeNetSocket;
  #isFull = false;
  #error: string | undefined;

  constructor(socket: NodeNetSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Uint8Array) => this.events.data(chunk));
    socket.on('end', () => this.events.ended());
    socket.on('error', (error: Error) => {
      this.#error = error.message;
    });
    socket.on('close', () => {
      const { events } = this;
      this.events = NO_EVENTS;
      events.closed(this.#error);
    });
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  send(output: ByteWriter): boolean {
    if (this.#isFull) return false;
    if (output.length === 0) return true;
    const socket = this.#socket;
    socket.write(output.view(), this.#written);
    // What has left already need not be kept: the buffer can be written again.
    if (socket.writableLength === 0) {
      output.shift(output.length);
      return true;
    }
    output.take();
    this.#isFull = true;
    return false;
  }

  readonly #written = (): void => {
    if (!this.#isFull || this.#socket.writableLength > 0) return;
    this.#isFull = false;
    this.events.drained();
  };

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  keepAlive(afterMs: number): void {
    this.#socket.setKeepAlive(true, afterMs);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
