/** Which fields a message may have over HTTP/2 (RFC 9113, 8.2). Imports nothing. */

/** Bytes of a field's name: tokens in lower case. */
const NAME_BYTES = bytesOf("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

const LETTERS_AND_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** True for a field that is well formed by itself; a pseudo header's name may begin with a colon. */
export function isValidField(name: string, value: string): boolean {
  const { length } = name;
  const first = name.charCodeAt(0) === 0x3a ? 1 : 0;
  if (length === first) return false;
  for (let at = first; at < length; at++) if (NAME_BYTES[name.charCodeAt(at)] !== 1) return false;
  return isValidValue(value);
}

/** No control bytes but tabs within, and no white space at either end. */
export function isValidValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(length - 1))) return false;
  for (let at = 0; at < length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 ? code !== 9 : code === 0x7f) return false;
  }
  return true;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 9;
}

/** True for a field that belongs to one connection and makes a message malformed (8.2.2). `te` may say `trailers` alone. */
export function isConnectionField(name: string, value: string): boolean {
  switch (name.length) {
    case 2:
      return name === 'te' && value.toLowerCase() !== 'trailers';
    case 7:
      return name === 'upgrade';
    case 10:
      return name === 'connection' || name === 'keep-alive';
    case 16:
      return name === 'proxy-connection';
    case 17:
      return name === 'transfer-encoding';
    default:
      return false;
  }
}

/** Bytes of a token, of an authority (RFC 3986, 3.2, without user information), and of a scheme. */
const TOKEN_BYTES = bytesOf("!#$%&'*+-.^_`|~", LETTERS_AND_DIGITS);
const AUTHORITY_BYTES = bytesOf("!$%&'()*+,-.:;=[]_~", LETTERS_AND_DIGITS);
const SCHEME_BYTES = bytesOf('+-.', LETTERS_AND_DIGITS);

/** True for a method, or the name of a protocol. */
export function isToken(text: string): boolean {
  return text.length > 0 && consistsOf(text, TOKEN_BYTES);
}

/** True for host and port, also for none. What is no host could be read as another one behind us. */
export function isAuthority(text: string): boolean {
  return consistsOf(text, AUTHORITY_BYTES);
}

/** True for a scheme, in letters of either case. */
export function isScheme(text: string): boolean {
  return consistsOf(text, SCHEME_BYTES);
}

function consistsOf(text: string, bytes: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[text.charCodeAt(at)] !== 1) return false;
  return true;
}

function bytesOf(...chars: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(256);
  for (const char of chars.join('')) bytes[char.charCodeAt(0)] = 1;
  return bytes;
}

/** The length that a content-length states; -1 for one that is no number. */
export function readLength(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
