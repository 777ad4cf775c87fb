/** A connected byte stream, whatever the runtime has for it. Types only. */
import type { ByteWriter } from '../../wire/byte-writer.ts';

/** What happens on a socket. */
export interface SocketEvents {
  /** Bytes have come; they belong to the receiver. */
  data(chunk: Uint8Array): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The peer has closed its side. */
  ended(): void;
  /** The socket is gone, in both directions; told once. `error` is the runtime's text, where there was one. */
  closed(error?: string): void;
}

/** Open until {@link destroy}, or until both sides have ended. */
export interface Socket {
  /** The peer's address without port; undefined on a Unix socket. */
  readonly remoteAddress: string | undefined;
  /** The peer's port; undefined on a Unix socket. */
  readonly remotePort: number | undefined;
  /** Told from the moment it is set. */
  events: SocketEvents;
  /** Sends what waits in the output. False: not all was taken, and {@link SocketEvents.drained} will tell when to go on. */
  send(output: ByteWriter): boolean;
  pause(): void;
  resume(): void;
  /** Has the system probe the peer after so much silence; 0: after the system's own time. */
  keepAlive(afterMs: number): void;
  /** Closes this side, once all that was sent has left. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** Of a socket that nobody listens to any more. */
export const NO_EVENTS: SocketEvents = { data() {}, drained() {}, ended() {}, closed() {} };
