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

/** What a Connection field asks for, as bits. */
export const CONNECTION = { CLOSE: 1, KEEP_ALIVE: 2, UPGRADE: 4 } as const;

/** The bits of a Connection field's value, a list of names in any case; others are ignored. Source: RFC 9110, 7.6.1. */
export function parseConnection(value: string): number {
  if (value === 'keep-alive') return CONNECTION.KEEP_ALIVE;
  if (value === 'close') return CONNECTION.CLOSE;
  let bits = 0;
  for (const item of value.split(',')) {
    const name = item.trim().toLowerCase();
    if (name === 'close') bits |= CONNECTION.CLOSE;
    else if (name === 'keep-alive') bits |= CONNECTION.KEEP_ALIVE;
    else if (name === 'upgrade') bits |= CONNECTION.UPGRADE;
  }
  return bits;
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
