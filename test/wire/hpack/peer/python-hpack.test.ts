import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { HpackDecoder } from '../../../../wire/hpack/decoder.ts';
import { FieldCache } from '../../../../wire/hpack/field-cache.ts';
import type { FieldList } from '../../../../wire/stream.ts';
import { decode } from '../block.ts';

/** One connection. */
interface Story {
  readonly name: string;
  readonly blocks: readonly { readonly block: string; readonly fields: FieldList }[];
}

const url = new URL('python-hpack.jsonl', import.meta.url);
const [peer, ...stories] = readFileSync(url, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line)) as [string, ...Story[]];
const cache = new FieldCache();

for (const { name, blocks } of stories) {
  test(`HpackDecoder decodes what Python's ${peer} has coded: ${name}`, () => {
    // Twice, so that the second time some of it comes from the cache.
    for (let round = 0; round < 2; round++) {
      const decoder = new HpackDecoder({ cache });
      for (const { block, fields } of blocks) assert.deepEqual(decode(decoder, block), fields);
    }
  });
}
