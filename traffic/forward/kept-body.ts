/** What a request's body was so far, for as long as it may have to be sent again. Imports nothing. */

/**
 * Bytes of a body that are kept for a retry.
 *
 * Source: Envoy's `per_connection_buffer_limit_bytes`, 1 MiB by default, which Istio leaves alone.
 */
export const MAX_KEPT_BYTES = 1024 * 1024;

/** Beyond, pieces are joined: each of them can hold a much larger buffer. */
const MAX_PIECES = 64;

/** Keeps the pieces themselves, not copies, while they are few. */
export class KeptBody {
  #pieces: Uint8Array[] = [];
  /** What was joined, and room for more; grows twofold, so that a byte is copied a few times at most. */
  #joined: Uint8Array | undefined;
  #joinedBytes = 0;
  #bytes = 0;

  /** All of it, in its order. */
  chunks(): Uint8Array[] {
    if (!this.#joined) return [...this.#pieces];
    return [this.#joined.subarray(0, this.#joinedBytes), ...this.#pieces];
  }

  /** False: the body is larger than may be kept, and this is of no more use. */
  add(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_KEPT_BYTES) return false;
    this.#pieces.push(chunk);
    if (this.#pieces.length > MAX_PIECES) this.#join();
    return true;
  }

  #join(): void {
    let joined = this.#joined;
    if (!joined || this.#bytes > joined.length) {
      const larger = new Uint8Array(this.#bytes * 2);
      if (joined) larger.set(joined.subarray(0, this.#joinedBytes));
      joined = larger;
      this.#joined = larger;
    }
    for (const piece of this.#pieces) {
      joined.set(piece, this.#joinedBytes);
      this.#joinedBytes += piece.length;
    }
    this.#pieces = [];
  }
}
