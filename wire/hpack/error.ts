/** What a header block that cannot be decoded throws. Imports nothing. */

/** The block breaks HPACK: the connection ends with COMPRESSION_ERROR, since both tables no longer agree. */
export class HpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HpackError';
  }
}

/** The block has become so large in decoding that it is no use to go on: the connection ends with ENHANCE_YOUR_CALM. */
export class HpackBombError extends HpackError {
  constructor(message: string) {
    super(message);
    this.name = 'HpackBombError';
  }
}
