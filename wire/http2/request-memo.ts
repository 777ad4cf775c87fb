/**
 * Heads of a connection's last requests by their coded bytes: clients that ask alike send the same block again and
 * again, and equal bytes at an equal state of the table decode to equal heads. Imports the decoded head.
 */
import type { DecodedRequest } from './head.ts';

/** Slots; a block has one place by its hash. */
const SLOTS = 64;
/** Longer blocks are not remembered. */
const MAX_BYTES = 1024;

interface Entry {
  readonly bytes: Uint8Array;
  readonly version: number;
  readonly request: DecodedRequest;
}

/** A block is remembered from its second sight on, so that blocks that never repeat cost a hash and no more. */
export class RequestMemo {
  readonly #entries: (Entry | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #seen = new Int32Array(SLOTS);
  #hash = 0;

  /** The head of an equal block at this version of the decoder's table. To be called before {@link remember}. */
  find(bytes: Uint8Array, start: number, end: number, version: number): DecodedRequest | undefined {
    let hash = (end - start) | 0;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    this.#hash = hash;
    const entry = this.#entries[(hash ^ (hash >>> 15)) & (SLOTS - 1)];
    if (entry === undefined || entry.version !== version) return undefined;
    const known = entry.bytes;
    if (known.length !== end - start) return undefined;
    for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return undefined;
    return entry.request;
  }

  /** Keeps what the block of the last {@link find} was decoded to; `version` must be the same before and after. */
  remember(bytes: Uint8Array, start: number, end: number, version: number, request: DecodedRequest): void {
    if (end - start > MAX_BYTES) return;
    const hash = this.#hash;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    if (this.#seen[slot] !== hash) {
      this.#seen[slot] = hash;
      return;
    }
    this.#entries[slot] = { bytes: bytes.slice(start, end), version, request };
  }
}
