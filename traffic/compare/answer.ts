/** An answer as it is kept for a comparison: its head, and its body up to a limit. Imports the wire's types. */
import { type FieldList, NO_FIELDS } from '../../wire/stream.ts';

/** Larger bodies are not compared: two of them are held for each comparison under way. */
export const MAX_COMPARED_BYTES = 64 * 1024;

/** Fills up while an answer comes. */
export class KeptAnswer {
  /** 0: there is no answer. */
  status = 0;
  headers: FieldList = NO_FIELDS;
  trailers: FieldList = NO_FIELDS;
  /** It has come to its end. */
  isWhole = false;
  /** The body is larger than may be kept, and nothing of it is. */
  isTooLarge = false;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  head(status: number, headers: FieldList): void {
    this.status = status;
    this.headers = headers;
  }

  data(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= MAX_COMPARED_BYTES) {
      // A piece can be part of a much larger buffer.
      this.#chunks.push(chunk.slice());
      return;
    }
    this.isTooLarge = true;
    this.#chunks = [];
  }

  end(trailers: FieldList): void {
    this.trailers = trailers;
    this.isWhole = true;
  }

  /** All of the body. */
  body(): Uint8Array {
    const whole = new Uint8Array(this.isTooLarge ? 0 : this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }
}
