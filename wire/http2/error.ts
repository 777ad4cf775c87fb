/** A breach of HTTP/2 that ends the connection. Imports nothing. */

/** Ends the connection with GOAWAY and this code (RFC 9113, 5.4.1). */
export class Http2Error extends Error {
  readonly code: number;

  /** `code` is one of `ERROR_CODE`; `detail` goes out as debug data, so it must tell nothing secret. */
  constructor(code: number, detail: string) {
    super(detail);
    this.name = 'Http2Error';
    this.code = code;
  }
}
