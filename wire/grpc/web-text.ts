/**
 * gRPC-Web's text form, `application/grpc-web-text`: a body in base64 that may be padded anywhere, as each side
 * writes piece after piece. Imports nothing.
 *
 * Source: gRPC-Web `PROTOCOL-WEB.md` (Message framing), RFC 4648, 4.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const PAD = 0x3d;
const NO_DIGIT = 0xff;
const DIGITS = new Uint8Array(256).fill(NO_DIGIT);
for (let digit = 0; digit < 64; digit++) DIGITS[CODES[digit]!] = digit;

/** A body that is not base64. */
export class WebTextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WebTextError';
  }
}

/** A piece of a body as text, whole and padded. */
export function encodeWebText(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let out = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text[out++] = CODES[group >> 18]!;
    text[out++] = CODES[(group >> 12) & 63]!;
    text[out++] = left > 1 ? CODES[(group >> 6) & 63]! : PAD;
    text[out++] = left > 2 ? CODES[group & 63]! : PAD;
  }
  return text;
}

/** Reads a body that comes in pieces, wherever they begin. */
export class WebTextDecoder {
  /** Characters of the group of four that has begun, and their bits. */
  #count = 0;
  #bits = 0;
  #pads = 0;

  /** The bytes of the next piece. Throws WebTextError, after which nothing may follow. */
  push(text: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.ceil((this.#count + text.length) / 4) * 3);
    let out = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text[at]!;
      if (code === PAD) {
        if (this.#count < 2) throw new WebTextError('Padding stands where a character should');
        this.#pads++;
        this.#bits <<= 6;
      } else {
        const digit = DIGITS[code]!;
        if (digit === NO_DIGIT) throw new WebTextError(`The byte ${code} is no character of base64`);
        if (this.#pads > 0) throw new WebTextError('A character follows padding within a group of four');
        this.#bits = (this.#bits << 6) | digit;
      }
      if (++this.#count < 4) continue;
      bytes[out++] = this.#bits >> 16;
      if (this.#pads < 2) bytes[out++] = this.#bits >> 8;
      if (this.#pads < 1) bytes[out++] = this.#bits;
      this.#count = 0;
      this.#bits = 0;
      this.#pads = 0;
    }
    return bytes.subarray(0, out);
  }

  /** The body has ended. Throws WebTextError when a group of four characters is not whole. */
  end(): void {
    if (this.#count > 0) throw new WebTextError(`The body ended after ${this.#count} of 4 characters`);
  }
}
