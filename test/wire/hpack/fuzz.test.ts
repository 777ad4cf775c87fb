import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder, HpackError } from '../../../wire/hpack/decoder.ts';
import { HpackEncoder } from '../../../wire/hpack/encoder.ts';
import { FieldCache } from '../../../wire/hpack/field-cache.ts';
import { STATIC_FIELDS } from '../../../wire/hpack/static-table.ts';
import type { Field } from '../../../wire/stream.ts';
import { growsLinearly } from '../../router/fuzz/growth.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { decode, encode, tableOf } from './block.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

/** Calls with the draws of each seed; a failure says how to repeat it. */
function forSeeds(run: (draws: Draws) => void): void {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    try {
      run(createDraws(seed));
    } catch (error) {
      throw new Error(`Repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1: ${error}`, { cause: error });
    }
  }
}

/** Mostly what repeats, now and then any bytes of any length. */
function drawText(draws: Draws, what: string): string {
  if (!draws.oneIn(4)) return `${what}${draws.below(12)}`;
  const bound = draws.pick([26, 128, 256]);
  const length = draws.pick([0, 1, 5, 40, 130, 300, 1500]);
  return Array.from({ length: draws.below(length + 1) }, () => String.fromCharCode(draws.below(bound))).join(
    '',
  );
}

function drawField(draws: Draws): Field {
  if (draws.oneIn(3)) return draws.pick(STATIC_FIELDS);
  if (draws.oneIn(3)) return [draws.pick(STATIC_FIELDS)[0], drawText(draws, 'v')];
  return [drawText(draws, 'x-'), drawText(draws, 'v')];
}

test(`HpackDecoder gives what HpackEncoder was given, over ${RUNS} connections with tables of any size`, () => {
  const shared = new FieldCache({ maxFields: 16 });
  const maxListBytes = 1 << 24;
  forSeeds((draws) => {
    const encoder = new HpackEncoder({ maxTableBytes: draws.pick([0, 100, 1000, 4096, 20_000]) });
    const options = { maxTableBytes: 100_000, maxListBytes };
    const decoder = new HpackDecoder(draws.oneIn(2) ? { ...options, cache: shared } : options);
    for (let block = draws.below(20); block >= 0; block--) {
      while (draws.oneIn(3)) encoder.setMaxTableBytes(draws.pick([0, 33, 64, 200, 1000, 4096, 50_000]));
      const fields = Array.from({ length: draws.below(20) }, () => drawField(draws));
      assert.deepEqual(decode(decoder, encode(encoder, fields)), fields);
    }
  });
});

test(`HpackDecoder decodes equal bytes to equal fields as long as its version is the same, in ${RUNS} connections`, () => {
  forSeeds((draws) => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder();
    const remembered = new Map<string, Field[]>();
    for (let block = 0; block < 30; block++) {
      const bytes = encode(encoder, [drawField(draws), drawField(draws)]);
      const key = `${decoder.version} ${bytes}`;
      const fields = decode(decoder, bytes);
      assert.deepEqual(remembered.get(key) ?? fields, fields);
      remembered.set(key, fields);
    }
  });
});

/** Starts of fields and long integers are more frequent than by chance. */
function drawBytes(draws: Draws): Uint8Array {
  const first = [0x00, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x82, 0xbe, 0xff];
  return Uint8Array.from({ length: draws.below(200) }, () =>
    draws.oneIn(2) ? draws.pick(first) : draws.below(draws.pick([8, 256])),
  );
}

test('HpackDecoder answers any bytes with fields or an HpackError, and holds its bounds', () => {
  const counts = { fields: 0, errors: 0 };
  const maxListBytes = 2000;
  const cache = new FieldCache({ maxFields: 64 });
  forSeeds((draws) => {
    const decoder = new HpackDecoder({ maxListBytes, cache });
    for (let block = 0; block < 20; block++) {
      const bytes = drawBytes(draws);
      const fields: Field[] = [];
      try {
        decoder.decode(bytes, 0, bytes.length, { field: (field) => fields.push(field) });
        counts.fields += fields.length;
      } catch (error) {
        assert.ok(error instanceof HpackError, `${error}`);
        counts.errors++;
      }
      const size = fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
      assert.ok(size <= maxListBytes);
      const table = tableOf(decoder).reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
      assert.ok(table <= 4096);
    }
  });
  assert.ok(counts.fields > 0 && counts.errors > 0, 'both came about');
});

test('HpackDecoder decodes one and the same block alike with a cache, without, and with that of others', () => {
  const shared = new FieldCache({ maxFields: 4 });
  forSeeds((draws) => {
    const decoders = [
      new HpackDecoder({ cache: shared }),
      new HpackDecoder(),
      new HpackDecoder({ cache: new FieldCache({ maxFields: 1 }) }),
    ];
    for (let block = 0; block < 20; block++) {
      const bytes = drawBytes(draws);
      const outcomes = decoders.map((decoder) => {
        try {
          return { fields: decode(decoder, bytes), version: decoder.version };
        } catch (error) {
          return `${error}`;
        }
      });
      assert.deepEqual(outcomes[1], outcomes[0]);
      assert.deepEqual(outcomes[2], outcomes[0]);
      if (typeof outcomes[0] === 'string') return;
    }
  });
});

/** What is most work for its bytes. */
const COSTLY: readonly { readonly name: string; readonly make: (size: number) => Uint8Array }[] = [
  { name: 'indexed fields', make: (size) => new Uint8Array(size).fill(0x82) },
  {
    name: 'table sizes',
    make: (size) => Uint8Array.from({ length: size }, (_, index) => 0x20 | (index & 15)),
  },
  { name: 'insertions that evict', make: (size) => repeat([0x40, 0x00, 0x00], size) },
  { name: 'new names', make: (size) => repeat([0x00, 0x02, 0x61, 0x62, 0x01, 0x63], size) },
  { name: 'long codes', make: longCodes },
];

function repeat(piece: readonly number[], size: number): Uint8Array {
  return Uint8Array.from(
    { length: size - (size % piece.length) },
    (_, index) => piece[index % piece.length]!,
  );
}

/** One value of symbols that take 28 bits each: 0xfffffe2 is that of 2. */
function longCodes(size: number): Uint8Array {
  const value = repeat([0xff, 0xff, 0xfe, 0x2f, 0xff, 0xff, 0xe2], size);
  const rest = value.length - 127;
  return Uint8Array.of(0x04, 0xff, 0x80 | (rest & 127), 0x80 | ((rest >> 7) & 127), rest >> 14, ...value);
}

test(`HpackDecoder does work in proportion to ${COSTLY.length} kinds of costly bytes`, () => {
  for (const { name, make } of COSTLY) {
    const decodeAll = (size: number) => {
      const bytes = make(size);
      const sink = { field() {} };
      return () => new HpackDecoder({ maxListBytes: 1 << 24 }).decode(bytes, 0, bytes.length, sink);
    };
    growsLinearly({ name, make: decodeAll }, 64 * 1024);
  }
});
