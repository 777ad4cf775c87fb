/** The quick way of reading YAML, held against the library that defines what a text means. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPlainYaml } from '../../../router/parse/plain-yaml.ts';
import { splitDocuments } from '../../../router/parse/text.ts';
import { caseFolders } from '../../conformance/world.ts';
import { holdsForPlainYaml } from '../fuzz/property.ts';

const folders = caseFolders(join(import.meta.dirname, '../../conformance/corpus/cases'));

test(`readPlainYaml() reads the rules of ${folders.length} recorded cases as the library does`, () => {
  let [documents, plain] = [0, 0];
  for (const folder of folders)
    for (const { text } of splitDocuments(readFileSync(join(folder, 'config.yaml'), 'utf8'))) {
      documents++;
      if (holdsForPlainYaml(text)) plain++;
    }
  assert.ok(plain > 0.95 * documents, `the quick way reads ${plain} of ${documents} documents alone`);
});

const PLAIN: readonly string[] = [
  'a: 1',
  '# x\n\na: b # c\n\n# d\nb:   c\n',
  'a:\n- 1\n- b: c\n  d: e\n-   f: g\n-\n  h: i\nj: k\n',
  "a:\n  b:\n    c: \"d \\\" \\u00e9 \\n\"\n    'e f': 'g: # h'\n",
  'a: { b: c d, "e":1, f: [], g: {} } # h\n',
  'a: [ -1, x, "y, z", { b: http://c:80/d }, 010, 1_0, yes, ~ ]\n',
  '{"a": {"b": ["c", 1, true, null]},\n "d":\n  "e"\n}\n',
  'on: 1\n80: 2\nnull-x: 3\n',
  '- a\n- b\n',
  'a: b:c',
  'e: 1\nf: xé\u00A0\n',
];

test('readPlainYaml() reads block maps and lists, scalars, and flow collections on a line', () => {
  for (const text of PLAIN) assert.equal(holdsForPlainYaml(text), true, JSON.stringify(text));
});

const LEFT: readonly string[] = [
  '',
  '# nothing',
  'a',
  ' a: 1\n',
  'a:\n',
  'a:\nb: 1\n',
  'a: 1\na: 2\n',
  'a: &x 1\nb: *x\n',
  'a: !!str 1\n',
  'a: |\n  b\n',
  'a: b\n  c\n',
  'a: "b\n  c"\n',
  "a: 'b''c'\n",
  'a: {b: 1,\n  c: 2}\n',
  'a: {b: 1,}\n',
  'a: {b}\n',
  'a: {b:1}\n',
  'a: [b: 1]\n',
  'a: b: c\n',
  'a:\n    b: 1\n  c: 2\n',
  'a: "\\/"\n',
  'a:\tb\n',
  'a: b\r\n',
  'a: \u2028\n',
  'a: 😀\n',
  'a: .inf\n',
  '? a\n: b\n',
  '<<: { a: 1 }\n',
  'a: 1\n...\nb: 2\n',
  'a: 1\n- b\n',
  '- a\nb: 1\n',
  '- - a\n',
  `${'a: '.repeat(2)}b`,
  `a: ${'['.repeat(60)}${']'.repeat(60)}`,
];

test('readPlainYaml() leaves everything else to the library', () => {
  for (const text of LEFT) assert.equal(readPlainYaml(text), undefined, JSON.stringify(text));
});
