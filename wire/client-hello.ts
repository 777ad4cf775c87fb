/**
 * The greeting of a TLS client, as far as it says which server is meant. Imports nothing.
 *
 * Source: RFC 8446, 4.1.2 and 5.1; RFC 6066, 3.
 */

/** As much as Envoy's TLS inspector reads. Source: Envoy `source/extensions/filters/listener/tls_inspector/tls_inspector.h`. */
const MAX_BYTES = 16 * 1024;
/** Of a name in the DNS (RFC 1035, 2.3.4). */
const MAX_NAME_BYTES = 255;
const RECORD_HEADER_BYTES = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

/** What a greeting says. */
export interface ClientHello {
  /** The name of the server that is meant (SNI), in lower case; undefined where the client names none. */
  readonly serverName: string | undefined;
}

/** Reads the greeting at the start of a connection; undefined while it is not whole. Throws a RangeError for any other start. */
export function readClientHello(bytes: Uint8Array): ClientHello | undefined {
  const message = handshakeOf(bytes);
  if (!message) return undefined;
  const reader = new Reader(message);
  // Version, random, session, ciphers, compression.
  reader.skip(2 + 32);
  reader.take(reader.number(1));
  reader.take(reader.number(2));
  reader.take(reader.number(1));
  if (reader.isAtEnd) return { serverName: undefined };
  const extensions = new Reader(reader.take(reader.number(2)));
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const data = new Reader(extensions.take(extensions.number(2)));
    if (type === SERVER_NAME) return { serverName: hostNameIn(new Reader(data.take(data.number(2)))) };
  }
  return { serverName: undefined };
}

function hostNameIn(names: Reader): string | undefined {
  while (!names.isAtEnd) {
    const type = names.number(1);
    const name = names.take(names.number(2));
    if (type !== HOST_NAME) continue;
    if (name.length > MAX_NAME_BYTES)
      throw new RangeError(`A server name of ${name.length} bytes is too long`);
    return String.fromCharCode(...name).toLowerCase();
  }
  return undefined;
}

/** The body of the first handshake message, which may be spread over several records. */
function handshakeOf(bytes: Uint8Array): Uint8Array | undefined {
  const message = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; ; ) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE)
      throw new RangeError('The connection does not begin with a greeting of TLS');
    if (bytes.length < at + RECORD_HEADER_BYTES) break;
    if (bytes[at + 1] !== 3) throw new RangeError('The connection is of an old version of SSL');
    const end = at + RECORD_HEADER_BYTES + ((bytes[at + 3]! << 8) | bytes[at + 4]!);
    const part = bytes.subarray(at + RECORD_HEADER_BYTES, end);
    message.set(part, length);
    length += part.length;
    if (length > 0 && message[0] !== CLIENT_HELLO)
      throw new RangeError('The connection does not begin with a greeting of TLS');
    if (length >= 4) {
      const whole = 4 + ((message[1]! << 16) | (message[2]! << 8) | message[3]!);
      if (whole > MAX_BYTES) throw new RangeError(`A greeting of ${whole} bytes is too long`);
      if (length >= whole) return message.subarray(4, whole);
    }
    if (bytes.length < end) break;
    at = end;
  }
  if (bytes.length > MAX_BYTES) throw new RangeError('The greeting is too long');
  return undefined;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(count: number): void {
    this.take(count);
  }

  number(size: number): number {
    return this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError('The greeting ends too soon');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
