/** Frames of HTTP/2 from their descriptions in http2.json, with header blocks of plain literals. Imports nothing of the engines. */

/** A request on stream 1, frame by frame. */
export interface FrameCase {
  readonly name: string;
  /** With a blank line between frames: `HEADERS END_STREAM` and a field a line, name and value as JSON; `DATA END_STREAM` and a line of JSON. */
  readonly frames: string;
  readonly want: string;
  readonly envoy?: string;
  readonly haproxy?: string;
  readonly source?: string;
  readonly note?: string;
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const TYPE: Readonly<Record<string, number>> = { DATA: 0, HEADERS: 1, SETTINGS: 4 };
const END_STREAM = 1;
const END_HEADERS = 4;

/** What a client sends: preface, SETTINGS, and the frames. */
export function bytesOfFrames(frames: string): Uint8Array {
  return latin1(
    PREFACE + frame(TYPE['SETTINGS']!, 0, 0, '') + frames.split('\n\n').map(describedFrame).join(''),
  );
}

function describedFrame(text: string): string {
  const [first = '', ...lines] = text.split('\n');
  const [type = '', ...flags] = first.split(' ');
  const end = flags.includes('END_STREAM') ? END_STREAM : 0;
  if (type === 'DATA') return frame(TYPE[type]!, end, 1, JSON.parse(lines.join('\n')));
  const block = lines.map((line) => {
    const [, name = '', value = ''] = /^("(?:[^"\\]|\\.)*"): ("(?:[^"\\]|\\.)*")$/.exec(line) ?? [];
    return `\0${literal(JSON.parse(name))}${literal(JSON.parse(value))}`;
  });
  return frame(TYPE[type]!, end | END_HEADERS, 1, block.join(''));
}

/** A string of HPACK, not Huffman coded (RFC 7541, 5.2); shorter than 127 bytes. */
function literal(text: string): string {
  if (text.length > 126) throw new RangeError(`Cannot code a string of ${text.length} bytes`);
  return String.fromCharCode(text.length) + text;
}

function frame(type: number, flags: number, stream: number, payload: string): string {
  const { length } = payload;
  const head = [length >> 16, (length >> 8) & 255, length & 255, type, flags, 0, 0, 0, stream];
  return String.fromCharCode(...head) + payload;
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** How a server ended stream 1, read from its frames: `refused 400`, `refused reset 1`, `refused goaway 1`; undefined: with an answer below 400, or not. */
export function refusalOf(output: Uint8Array, statusOf: (block: Uint8Array) => number): string | undefined {
  let refusal: string | undefined;
  for (let at = 0; at + 9 <= output.length; ) {
    const length = (output[at]! << 16) | (output[at + 1]! << 8) | output[at + 2]!;
    const type = output[at + 3];
    const payload = output.subarray(at + 9, at + 9 + length);
    if (type === 1) {
      const status = statusOf(payload);
      if (status >= 400) refusal ??= `refused ${status}`;
    } else if (type === 3 && payload[3] !== 0) refusal ??= `refused reset ${payload[3]}`;
    else if (type === 7) refusal ??= `refused goaway ${payload[7]}`;
    at += 9 + length;
  }
  return refusal;
}
