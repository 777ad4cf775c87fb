/** Connect's compression by the web's own streams, so that it is the same on every runtime. Imports Connect's types. */
import { Code, ConnectError } from '@connectrpc/connect';
import type { Compression } from '@connectrpc/connect/protocol';

/** gzip for services in process, and for clients. A message that inflates to more than its limit is refused while it inflates. */
export const gzip: Compression = {
  name: 'gzip',
  compress: (bytes) => transform(bytes, new CompressionStream('gzip'), Number.POSITIVE_INFINITY),
  async decompress(bytes, readMaxBytes) {
    if (bytes.byteLength === 0) return new Uint8Array(0);
    try {
      return await transform(bytes, new DecompressionStream('gzip'), readMaxBytes);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      throw new ConnectError('The message is not valid gzip', Code.InvalidArgument);
    }
  },
};

async function transform(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = stream.writable.getWriter();
  // A failure shows at the readable side too, where it is handled.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => {});
  writer.close().catch(() => {});
  const reader = stream.readable.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      reader.cancel().catch(() => {});
      throw new ConnectError(`The message inflates to more than ${maxBytes} bytes`, Code.ResourceExhausted);
    }
    chunks.push(value);
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.byteLength;
  }
  return out;
}
