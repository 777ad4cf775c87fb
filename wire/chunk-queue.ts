/**
 * Pieces of a body that wait. Small ones are joined: each would cost more than it holds, and may keep a much larger
 * buffer alive. Imports nothing.
 */

/** Pieces below are copied; larger ones are kept as they are. */
const SMALL_BYTES = 1024;
/** Joined pieces grow no larger. */
const JOINED_BYTES = 16 * 1024;

const NONE: readonly Uint8Array[] = [];

/** First in, first out. */
export class ChunkQueue {
  readonly #pieces: Uint8Array[] = [];
  /** The buffer of the last piece, if that is a joined one; the piece is its beginning. */
  #joined: Uint8Array | undefined;

  /** How many pieces there are. */
  get length(): number {
    return this.#pieces.length;
  }

  /** The piece that came first; it grows while it is the last one. */
  get first(): Uint8Array | undefined {
    return this.#pieces[0];
  }

  /** Adds a piece behind the others; one of nothing is none. */
  push(chunk: Uint8Array): void {
    if (chunk.length >= SMALL_BYTES) {
      this.#pieces.push(chunk);
      this.#joined = undefined;
    } else if (chunk.length > 0) this.#join(chunk);
  }

  /** Takes the first piece away. */
  shift(): Uint8Array | undefined {
    if (this.#pieces.length === 1) this.#joined = undefined;
    return this.#pieces.shift();
  }

  /** Takes all pieces away. */
  takeAll(): readonly Uint8Array[] {
    if (this.#pieces.length === 0) return NONE;
    this.#joined = undefined;
    return this.#pieces.splice(0);
  }

  #join(chunk: Uint8Array): void {
    const last = this.#joined && this.#pieces.at(-1);
    if (last === undefined || last.length + chunk.length > JOINED_BYTES) {
      this.#joined = chunk.slice();
      this.#pieces.push(this.#joined);
      return;
    }
    const bytes = last.length + chunk.length;
    let joined = this.#joined!;
    if (bytes > joined.length) {
      joined = new Uint8Array(Math.min(JOINED_BYTES, Math.max(256, 2 * bytes)));
      joined.set(last);
      this.#joined = joined;
    }
    joined.set(chunk, last.length);
    this.#pieces[this.#pieces.length - 1] = joined.subarray(0, bytes);
  }
}
