/** What a listener is asked for and gives back, whatever the runtime. Types only. */

/** Where to listen. */
export interface ListenerOptions {
  /** 0: any free port. */
  readonly port: number;
  readonly hostname: string;
  /** See `ListenOptions` of the gateway. */
  readonly servicePort?: number;
}

/** An open port. */
export interface Listening {
  readonly hostname: string;
  /** The real one where any was asked for. */
  readonly port: number;
  /** `HTTP/1.1`, `h2c`. */
  readonly protocols: readonly string[];
  /**
   * Stops accepting, sends every client elsewhere (GOAWAY, `connection: close`) and lets running calls finish, at
   * most `graceMs`. Resolves when the last connection is closed, with the number of calls cut off. Default 30,000.
   */
  close(graceMs?: number): Promise<number>;
}

/** How long a drain waits for what runs, in milliseconds. */
export const DEFAULT_GRACE_MS = 30_000;
