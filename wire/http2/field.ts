/** Which fields a message may have over HTTP/2 (RFC 9113, 8.2). Imports nothing. */

/** Bytes of a field's name: tokens in lower case. */
const NAME_BYTES = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") NAME_BYTES[char.charCodeAt(0)] = 1;

/** True for a field that is well formed by itself; a pseudo header's name may begin with a colon. */
export function isValidField(name: string, value: string): boolean {
  const { length } = name;
  const first = name.charCodeAt(0) === 0x3a ? 1 : 0;
  if (length === first) return false;
  for (let at = first; at < length; at++) if (NAME_BYTES[name.charCodeAt(at)] !== 1) return false;
  return isValidValue(value);
}

/** No NUL, CR or LF, and no white space at either end; other control bytes are for the next one to refuse (Envoy does). */
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

/** The length that a content-length states; -1 for one that is no number. */
export function readLength(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
