/** Bun's own sockets, which cost less than its node:net. Plaintext TCP and Unix sockets. */
import type { ByteWriter } from '../../wire/byte-writer.ts';
import { NO_EVENTS, type Socket, type SocketEvents } from './socket.ts';

/** The part of a Bun socket that is used. */
export interface RawSocket {
  data: BunSocket;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  pause(): void;
  resume(): void;
  setKeepAlive(isOn: boolean, afterMs?: number): boolean;
  end(): void;
  shutdown(): void;
  terminate(): void;
}

/** The handlers of `Bun.listen` and `Bun.connect`. */
export interface RawHandlers {
  open(socket: RawSocket): void;
  data(socket: RawSocket, chunk: Uint8Array): void;
  drain(socket: RawSocket): void;
  end(socket: RawSocket): void;
  close(socket: RawSocket, error?: Error): void;
  error(socket: RawSocket, error: Error): void;
  connectError?(socket: RawSocket, error: Error): void;
}

/** The part of the `Bun` global that is used. */
export interface BunSockets {
  listen(options: {
    readonly hostname?: string;
    readonly port?: number;
    readonly unix?: string;
    readonly allowHalfOpen: boolean;
    readonly socket: RawHandlers;
  }): { readonly port: number; readonly hostname: string; stop(closeActive?: boolean): void };
  connect(options: {
    readonly hostname?: string;
    readonly port?: number;
    readonly unix?: string;
    readonly allowHalfOpen: boolean;
    readonly socket: RawHandlers;
  }): Promise<RawSocket>;
}

/** `Bun`, where this is Bun. */
export const bun: BunSockets | undefined = (globalThis as { Bun?: BunSockets }).Bun;

/** A connected Bun socket as {@link Socket}. */
export class BunSocket implements Socket {
  events: SocketEvents = NO_EVENTS;
  readonly #socket: RawSocket;
  #isClosed = false;

  constructor(socket: RawSocket) {
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  send(output: ByteWriter): boolean {
    if (this.#isClosed || output.length === 0) return true;
    const written = this.#socket.write(output.bytes, output.start, output.length);
    if (written > 0) output.shift(written);
    return output.length === 0;
  }

  pause(): void {
    if (!this.#isClosed) this.#socket.pause();
  }

  resume(): void {
    if (!this.#isClosed) this.#socket.resume();
  }

  keepAlive(afterMs: number): void {
    if (!this.#isClosed) this.#socket.setKeepAlive(true, afterMs);
  }

  end(): void {
    if (!this.#isClosed) this.#socket.shutdown();
  }

  destroy(): void {
    if (!this.#isClosed) this.#socket.terminate();
  }

  /** Told by the handlers that the socket is gone. */
  closed(error?: string): void {
    this.#isClosed = true;
    const { events } = this;
    this.events = NO_EVENTS;
    events.closed(error);
  }
}

/** Handlers that find each socket's own events; `opened` hears of each new one. */
export function bunHandlers(opened: (socket: BunSocket) => void): RawHandlers {
  return {
    open(raw) {
      raw.data = new BunSocket(raw);
      opened(raw.data);
    },
    data: (raw, chunk) => raw.data.events.data(chunk),
    drain: (raw) => raw.data.events.drained(),
    end: (raw) => raw.data.events.ended(),
    close: (raw, error) => raw.data?.closed(error?.message),
    // Also told of what a handler of ours has thrown: the connection cannot go on.
    error(raw, error) {
      raw.terminate();
      raw.data?.closed(error.message);
    },
  };
}
