/** The suite's messages on stdin and stdout: each behind its length, four bytes, the highest first. */

/** A message with its length before it. */
export function writeFramed(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + message.length);
  new DataView(framed.buffer).setUint32(0, message.length);
  framed.set(message, 4);
  return framed;
}

/** The messages of a stream of bytes. */
export async function* readFramed(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = new Uint8Array(0);
  for await (const chunk of stream) {
    const joined = new Uint8Array(bytes.length + chunk.length);
    joined.set(bytes);
    joined.set(chunk, bytes.length);
    bytes = joined;
    while (bytes.length >= 4) {
      const end = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (bytes.length < end) break;
      yield bytes.slice(4, end);
      bytes = bytes.slice(end);
    }
  }
}
