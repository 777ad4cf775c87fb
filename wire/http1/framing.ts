/** Values of the fields that frame messages. */
import { MessageError } from './message-error.ts';
import { TOKEN } from './octet.ts';

const DIGIT_0 = 0x30;

/** Returns a Content-Length: digits and nothing else, up to 2^53 - 1; -1 for any other value. Source: RFC 9110, 8.6. */
export function parseContentLength(value: string): number {
  const { length } = value;
  if (length === 0 || length > 32) return -1;
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const digit = value.charCodeAt(index) - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    sum = sum * 10 + digit;
    if (sum > Number.MAX_SAFE_INTEGER) return -1;
  }
  return sum;
}

/** What Connection fields ask for, as bits. Above them stands the number of names. */
export const CONNECTION = { CLOSE: 1, KEEP_ALIVE: 2, UPGRADE: 4 } as const;

const REFUSED = 8;
const ONE_NAME = 16;
const REFUSED_NAMES = 10;

/** Names of fields that tell who is asked, or where a request comes from: nobody may have them taken away. */
const NEVER_NAMED: ReadonlySet<string> = new Set([
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/** The bits of a Connection field's value, a list of names in any case, added to those of fields `before` it. Source: RFC 9110, 7.6.1. */
export function parseConnection(value: string, before = 0): number {
  if (value === 'keep-alive') return (before + ONE_NAME) | CONNECTION.KEEP_ALIVE;
  if (value === 'close') return (before + ONE_NAME) | CONNECTION.CLOSE;
  let bits = before;
  for (const item of value.split(',')) {
    const name = item.trim().toLowerCase();
    if (name === '') continue;
    bits += ONE_NAME;
    if (name === 'close') bits |= CONNECTION.CLOSE;
    else if (name === 'keep-alive') bits |= CONNECTION.KEEP_ALIVE;
    else if (name === 'upgrade') bits |= CONNECTION.UPGRADE;
    else if (name.startsWith(':') || NEVER_NAMED.has(name)) bits |= REFUSED;
  }
  return bits;
}

/**
 * Whether a request's Connection fields, by their bits, name ten fields or more, or one that is not the connection's.
 *
 * Source: Envoy `source/common/http/utility.cc` (sanitizeConnectionHeader).
 */
export function isRefusedConnection(bits: number): boolean {
  return (bits & REFUSED) !== 0 || bits >= REFUSED_NAMES * ONE_NAME;
}

/**
 * Refuses a Transfer-Encoding that is not exactly `chunked`: the others are not implemented, and a recipient that
 * reads the value differently would find another end of the message. Source: RFC 9112, 6.1 and 11.2.
 */
export function checkTransferEncoding(value: string): void {
  if (value.length === 7 && value.toLowerCase() === 'chunked') return;
  throw new MessageError(501, 'Transfer-Encoding other than chunked');
}

/**
 * Returns the protocol to upgrade to, in lower case: of a list the first. Undefined where no tunnel is opened for it:
 * `h2c` (a client that means it sends HTTP/2's preface) and TLS, which are ignored as Envoy does.
 */
export function upgradeProtocol(value: string): string | undefined {
  const comma = value.indexOf(',');
  const protocol = (comma === -1 ? value : value.slice(0, comma)).trim().toLowerCase();
  if (protocol === '' || protocol === 'h2c' || protocol.startsWith('tls/') || protocol.startsWith('http/'))
    return undefined;
  for (let index = 0; index < protocol.length; index++) {
    const code = protocol.charCodeAt(index);
    if (!TOKEN[code] && code !== 0x2f) return undefined;
  }
  return protocol;
}
