/** Text of rules as requests carry it: bytes. Imports nothing. */

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

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is the point
const ASCII = /^[\x00-\x7f]*$/;
const ENCODER = new TextEncoder();
