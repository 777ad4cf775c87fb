/** The examples of RFC 7541, Appendix C. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import type { FieldList } from '../../../wire/stream.ts';
import { decode, tableOf } from './block.ts';

interface Step {
  readonly block: string;
  readonly fields: FieldList;
  /** The dynamic table afterwards. */
  readonly table: FieldList;
}

const AUTHORITY = [':authority', 'www.example.com'] as const;
const NO_CACHE = ['cache-control', 'no-cache'] as const;
const CUSTOM = ['custom-key', 'custom-value'] as const;
const GET = [':method', 'GET'] as const;
const HTTP = [':scheme', 'http'] as const;
const HTTPS = [':scheme', 'https'] as const;
const ROOT = [':path', '/'] as const;
const INDEX = [':path', '/index.html'] as const;

const requests = (blocks: readonly [string, string, string]): Step[] => [
  { block: blocks[0], fields: [GET, HTTP, ROOT, AUTHORITY], table: [AUTHORITY] },
  { block: blocks[1], fields: [GET, HTTP, ROOT, AUTHORITY, NO_CACHE], table: [NO_CACHE, AUTHORITY] },
  {
    block: blocks[2],
    fields: [GET, HTTPS, INDEX, AUTHORITY, CUSTOM],
    table: [CUSTOM, NO_CACHE, AUTHORITY],
  },
];

const STATUS_302 = [':status', '302'] as const;
const STATUS_307 = [':status', '307'] as const;
const STATUS_200 = [':status', '200'] as const;
const PRIVATE = ['cache-control', 'private'] as const;
const DATE_21 = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'] as const;
const DATE_22 = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'] as const;
const LOCATION = ['location', 'https://www.example.com'] as const;
const GZIP = ['content-encoding', 'gzip'] as const;
const COOKIE = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'] as const;

/** With a table of 256 bytes, so that entries are evicted. */
const responses = (blocks: readonly [string, string, string]): Step[] => [
  {
    block: blocks[0],
    fields: [STATUS_302, PRIVATE, DATE_21, LOCATION],
    table: [LOCATION, DATE_21, PRIVATE, STATUS_302],
  },
  {
    block: blocks[1],
    fields: [STATUS_307, PRIVATE, DATE_21, LOCATION],
    table: [STATUS_307, LOCATION, DATE_21, PRIVATE],
  },
  {
    block: blocks[2],
    fields: [STATUS_200, PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
    table: [COOKIE, GZIP, DATE_22],
  },
];

const EXAMPLES: readonly {
  readonly name: string;
  readonly maxBytes?: number;
  readonly steps: readonly Step[];
}[] = [
  {
    name: 'C.2.1, a literal with indexing',
    steps: [
      {
        block: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
        fields: [['custom-key', 'custom-header']],
        table: [['custom-key', 'custom-header']],
      },
    ],
  },
  {
    name: 'C.2.2, a literal without indexing',
    steps: [
      {
        block: '040c 2f73 616d 706c 652f 7061 7468',
        fields: [[':path', '/sample/path']],
        table: [],
      },
    ],
  },
  {
    name: 'C.2.3, a literal never indexed',
    steps: [
      {
        block: '1008 7061 7373 776f 7264 0673 6563 7265 74',
        fields: [['password', 'secret']],
        table: [],
      },
    ],
  },
  { name: 'C.2.4, an indexed field', steps: [{ block: '82', fields: [GET], table: [] }] },
  {
    name: 'C.3, requests without Huffman',
    steps: requests([
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ]),
  },
  {
    name: 'C.4, requests with Huffman',
    steps: requests([
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ]),
  },
  {
    name: 'C.5, responses without Huffman',
    maxBytes: 256,
    steps: responses([
      '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32' +
        '3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970' +
        '7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61' +
        '6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ]),
  },
  {
    name: 'C.6, responses with Huffman',
    maxBytes: 256,
    steps: responses([
      '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad' +
        '1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2' +
        'e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ]),
  },
];

for (const { name, maxBytes, steps } of EXAMPLES) {
  test(`HpackDecoder decodes RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder();
    // The example's size, announced as by an encoder that was asked for it: 256 is 31 and 225.
    if (maxBytes === 256) assert.deepEqual(decode(decoder, '3f e1 01'), []);
    for (const { block, fields, table } of steps) {
      assert.deepEqual(decode(decoder, block), fields);
      assert.deepEqual(tableOf(decoder), table);
    }
  });
}
