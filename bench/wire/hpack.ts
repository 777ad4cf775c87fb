/**
 * What a header block costs to decode and to encode, by how much of it is new.
 *
 *     bun bench/wire/hpack.ts
 *     node bench/wire/hpack.ts
 *
 * The request is that of a gRPC call as nghttp2 codes it: eight fields, of which path and content-length are literals
 * each time. `unique path`: no two of 16,384 blocks are alike. `unique id` has a literal x-request-id of 36 characters
 * besides. `nothing known` is a connection's first block.
 */
import { ByteWriter } from '../../wire/byte-writer.ts';
import { type FieldSink, HpackDecoder } from '../../wire/hpack/decoder.ts';
import { HpackEncoder } from '../../wire/hpack/encoder.ts';
import { FieldCache } from '../../wire/hpack/field-cache.ts';
import { huffmanBytes, writeHuffman } from '../../wire/hpack/huffman.ts';
import type { Field, FieldList } from '../../wire/stream.ts';
import { formatTable, nanoseconds, runtimeName } from '../router/measure.ts';

const BLOCKS = 16_384;

/** Two requests of one connection, recorded from Node's client; the second is the same each time from then on. */
const FIRST = fromHex(
  '8386418b089d5c0b8170dc6c006c3f0497626b0a5496c5fb857c5614a92d9b8b677310ac62b0a54f7a8f9c541c722954d3a535' +
    '8980aed897070f0d0231325f8b1d75d0620d263d4c4d656440027465864d833505b11f',
);
const SECOND = fromHex('8386c10497626b0a5496c5fb857c5614a92d9b8b677310ac62b0a54fc00f0d023132bfbe');
const PATH = '/greeter.v1.GreeterService/Greet';

const id = (call: number) => `7f0c9d1e-3b5a-4c8d-9e2f-${call.toString(16).padStart(12, '0')}`;
const uniquePaths = Array.from({ length: BLOCKS }, (_, call) =>
  join([0x83, 0x86, 0xc1, 0x04], coded(`${PATH}${call}`), [0xc0, 0x0f, 0x0d, 0x02, 0x31, 0x32, 0xbf, 0xbe]),
);
const uniqueIds = uniquePaths.map((block, call) =>
  join(block, [0x00], coded('x-request-id'), coded(id(call))),
);

const request = (path: string, more: FieldList = []): FieldList => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':authority', '127.0.0.1:50051'],
  [':path', path],
  ['user-agent', 'h2load nghttp2/1.52.0'],
  ['content-length', '12'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ...more,
];
const response: FieldList = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-encoding', 'identity'],
  ['date', 'Tue, 24 Nov 2026 23:05:00 GMT'],
  ['server', 'istio-envoy'],
];
const trailers: FieldList = [
  ['grpc-status', '0'],
  ['grpc-message', ''],
];

class Counter implements FieldSink {
  count = 0;

  field(field: Field): void {
    this.count += field[1].length;
  }
}

const sink = new Counter();
const cache = new FieldCache({ isValid: (name, value) => name.length > 0 && !value.includes('\n') });
const decoder = new HpackDecoder({ cache });
decoder.decode(FIRST, 0, FIRST.length, sink);

function decode(block: Uint8Array): number {
  decoder.decode(block, 0, block.length, sink);
  return sink.count;
}

const out = new ByteWriter();

function encode(encoder: HpackEncoder, fields: FieldList): number {
  encoder.begin(out);
  for (let index = 0; index < fields.length; index++) {
    const [name, value] = fields[index]!;
    encoder.encode(out, name, value);
  }
  const { length } = out;
  out.shift(length);
  return length;
}

/** A block as our own encoder writes it once its table is filled. */
function settled(fields: FieldList): Uint8Array {
  const encoder = new HpackEncoder();
  encode(encoder, fields);
  encode(encoder, fields);
  for (const [name, value] of fields) encoder.encode(out, name, value);
  return out.take();
}

const encoders = Array.from({ length: 5 }, () => new HpackEncoder());
const same = request(PATH);
const paths = uniquePaths.map((_, call) => request(`${PATH}${call}`));
const ids = uniquePaths.map((_, call) => request(`${PATH}${call}`, [['x-request-id', id(call)]]));

// A decoder whose table is as our encoder leaves it after the response was sent twice.
const answers = new HpackDecoder({ cache });
const twice = new HpackEncoder();
for (let time = 0; time < 2; time++) {
  for (const [name, value] of response) twice.encode(out, name, value);
}
const opening = out.take();
answers.decode(opening, 0, opening.length, sink);
const answer = settled(response);

const rows: [string, number, number][] = [
  ['decode: request again', SECOND.length, nanoseconds(() => decode(SECOND))],
  [
    'decode: unique path',
    uniquePaths[BLOCKS - 1]!.length,
    nanoseconds((call) => decode(uniquePaths[call & (BLOCKS - 1)]!)),
  ],
  [
    'decode: unique path, unique id',
    uniqueIds[BLOCKS - 1]!.length,
    nanoseconds((call) => decode(uniqueIds[call & (BLOCKS - 1)]!)),
  ],
  [
    'decode: response again',
    answer.length,
    nanoseconds(() => answers.decode(answer, 0, answer.length, sink)),
  ],
  [
    'decode: nothing known',
    FIRST.length,
    nanoseconds(() => new HpackDecoder({ cache }).decode(FIRST, 0, FIRST.length, sink)),
  ],
  ['encode: request again', settled(same).length, nanoseconds(() => encode(encoders[0]!, same))],
  [
    'encode: unique path',
    settled(paths[0]!).length,
    nanoseconds((call) => encode(encoders[1]!, paths[call & (BLOCKS - 1)]!)),
  ],
  [
    'encode: unique path, unique id',
    settled(ids[0]!).length,
    nanoseconds((call) => encode(encoders[2]!, ids[call & (BLOCKS - 1)]!)),
  ],
  ['encode: response again', answer.length, nanoseconds(() => encode(encoders[3]!, response))],
  ['encode: trailers again', settled(trailers).length, nanoseconds(() => encode(encoders[4]!, trailers))],
  [
    'encode: nothing known',
    encode(new HpackEncoder(), same),
    nanoseconds(() => encode(new HpackEncoder(), same)),
  ],
];
console.log(`${runtimeName()}\n`);
console.log(
  formatTable(
    ['block', 'bytes', 'ns'],
    rows.map(([name, bytes, ns]) => [name, String(bytes), ns.toFixed(0)]),
  ),
);

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** A string by Huffman, shorter than 127 bytes. */
function coded(text: string): Uint8Array {
  const bytes = new Uint8Array(1 + huffmanBytes(text));
  bytes[0] = 0x80 | huffmanBytes(text);
  writeHuffman(bytes, text, 1);
  return bytes;
}

function join(...parts: ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}
