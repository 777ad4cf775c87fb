/** Short cuts in reading a request, held against the long way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinRepeats } from '../../../router/route/header.ts';
import {
  findQueryValue,
  normalizePath,
  normalLength,
  parseQuery,
  pathOf,
} from '../../../router/route/path.ts';
import { blankView, queryValue, readRequest } from '../../../router/route/request.ts';
import { createDraws, type Draws } from './generate.ts';

const ROUNDS = 20_000;

function word(draws: Draws, letters: readonly string[], longest: number): string {
  return Array.from({ length: draws.below(longest + 1) }, () => draws.pick(letters)).join('');
}

test('normalLength() is the length of paths that no normalisation changes, and -1 for others', () => {
  const draws = createDraws(1);
  const letters = ['/', '/', 'a', 'B', '.', '%41', '%2F', '\\', '?', '#', ' ', '~', 'é', '*', ';', '|'];
  let normal = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const path = draws.pick(['/', '/', '/', '']) + word(draws, letters, 6);
    const length = normalLength(path);
    if (length === -1) continue;
    normal++;
    assert.equal(length, pathOf(path).length, path);
    for (const normalization of ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'] as const) {
      assert.equal(normalizePath(path, normalization), path, `${normalization} ${path}`);
    }
  }
  assert.ok(normal > ROUNDS / 20, `only ${normal} paths are normal: the generator tests too little`);
  for (const path of [
    '',
    '*',
    'a',
    '//',
    '/./',
    '/../a',
    '/a/.',
    '/a//b',
    '/%41',
    '/a b',
    '/a#b',
    '/a?b#c',
    '/é',
    '/a?é',
  ]) {
    assert.equal(normalLength(path), -1, path);
  }
  for (const path of ['/', '/a', '/a/', '/a.b/c~', '/a?x=//..%', "/a!$&'()*+,;=:@-_"]) {
    assert.equal(normalLength(path), pathOf(path).length, path);
  }
});

test('findQueryValue() finds what parseQuery() has first under the name', () => {
  const draws = createDraws(2);
  const letters = ['a', 'b', '=', '&', '?', '%61'];
  for (let round = 0; round < ROUNDS; round++) {
    const path = `/x${draws.pick(['', '?'])}${word(draws, letters, 10)}`;
    const name = word(draws, ['a', 'b', '='], 2);
    const want = parseQuery(path).find(([each]) => each === name)?.[1];
    const found = path.includes('?') ? findQueryValue(path, pathOf(path).length + 1, name) : undefined;
    assert.equal(found, want, `${name} in ${path}`);
  }
});

test('queryValue() finds parameters of queries short and long', () => {
  const listener = {
    port: 80,
    virtualHosts: [],
    ignorePortInHost: true,
    trustForwardedProto: true,
    normalization: 'BASE',
  } as const;
  for (const padding of ['', 'p'.repeat(1000)]) {
    const path = `/a?${padding}&q=1&q=2&empty`;
    const request = { method: 'GET', scheme: 'http', authority: 'a', path, headers: [], port: 80 };
    const view = readRequest(request, listener, blankView());
    assert.ok(view);
    assert.equal(queryValue(view, 'q'), '1');
    assert.equal(queryValue(view, 'empty'), '');
    assert.equal(queryValue(view, 'absent'), undefined);
  }
});

test('joinRepeats() joins a header that is held once wherever it stands among many', () => {
  for (const count of [2, 8, 31, 32, 33, 100]) {
    const others = Array.from({ length: count }, (_, index): [string, string] => [
      `x-${index}`,
      String(index),
    ]);
    const apart: [string, string][] = [['accept', 'a'], ...others, ['accept', 'b']];
    assert.deepEqual(joinRepeats(apart, false), [['accept', 'a,b'], ...others], `${count} between`);
    assert.equal(joinRepeats(others, false), others);
  }
});
