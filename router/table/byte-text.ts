/** Text of people as requests carry it, which is bytes, and back. Imports nothing. */

/**
 * The text's UTF-8 bytes, each as the character of its number: header values, paths and what is set in them come
 * from the wire and go to it so. ASCII stays as it is.
 */
export function byteText(text: string): string {
  if (ASCII.test(text)) return text;
  let bytes = '';
  for (const byte of ENCODER.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** The text that the bytes of a {@link byteText} spell; those that are no UTF-8 as `\xE9`. */
export function textOfBytes(bytes: string): string {
  if (ASCII.test(bytes)) return bytes;
  return bytes.replaceAll(BEYOND_ASCII, (run) => {
    try {
      return DECODER.decode(Uint8Array.from(run, (character) => character.charCodeAt(0)));
    } catch {
      return [...run].map((each) => `\\x${each.charCodeAt(0).toString(16).toUpperCase()}`).join('');
    }
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is the point
const ASCII = /^[\x00-\x7f]*$/;
const BEYOND_ASCII = /[\x80-\xff]+/g;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
