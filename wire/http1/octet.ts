/** Which bytes may stand where in a message, as tables. Imports nothing. */

const TOKEN_TEXT = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";

function tableOf(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let index = 0; index < text.length; index++) table[text.charCodeAt(index)] = text.charCodeAt(index);
  return table;
}

/** A byte of a token in lower case; 0: none of a token's. Source: RFC 9110, 5.6.2. */
export const TOKEN: Uint8Array = tableOf(TOKEN_TEXT);
for (let letter = 0x41; letter <= 0x5a; letter++) TOKEN[letter] = letter + 0x20;

/** 1: a byte of a field's value: visible, space, tab, or above ASCII. Source: RFC 9110, 5.5. */
export const VALUE: Uint8Array = new Uint8Array(256).fill(1, 0x20);
VALUE[0x09] = 1;
VALUE[0x7f] = 0;

/**
 * 1: a byte of a request target as it is sent: visible ASCII without the `#` of a fragment, which no target has. More than the
 * grammar allows (`"<>\^{|}`), as Envoy and HAProxy do. Source: RFC 9112, 3.2.
 */
export const TARGET: Uint8Array = new Uint8Array(256).fill(1, 0x21, 0x7f);
TARGET[0x23] = 0;

/** The same with `#`: a fragment is read, so that it can be cut off, as Istio's Envoy does, but never sent. */
export const READ_TARGET: Uint8Array = new Uint8Array(TARGET);
READ_TARGET[0x23] = 1;

/** What a hexadecimal digit stands for; 255: none. */
export const HEX: Uint8Array = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
