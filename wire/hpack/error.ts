/** What a header block that cannot be decoded throws. Imports nothing. */

/** The block breaks HPACK: the connection ends with COMPRESSION_ERROR, since both tables no longer agree. */
export class HpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HpackError';
  }
}
