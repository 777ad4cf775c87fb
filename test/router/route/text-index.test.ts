/** Texts found by their beginning, their end, or all of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTextIndex, foldMatches, type TextIndex } from '../../../router/route/text-index.ts';
import { createDraws } from './generate.ts';

function found(index: TextIndex<string>, text: string): string[] {
  const values: string[] = [];
  foldMatches(index, text, (value) => values.push(value), 0, undefined, undefined);
  return values.sort();
}

test('foldMatches() visits every text that is, or begins, the one looked up', () => {
  const draws = createDraws(1);
  const word = (longest: number) =>
    Array.from({ length: draws.below(longest) }, () => draws.pick(['a', 'b', 'é'])).join('');
  for (const fromEnd of [false, true]) {
    for (let round = 0; round < 200; round++) {
      const texts = Array.from({ length: draws.below(40) }, (_, place) => {
        const kind = draws.pick(['exact', 'prefix'] as const);
        const text = word(6);
        return { kind, text, value: `${place} ${kind} ${text}` };
      });
      const index = createTextIndex(texts, fromEnd);
      for (let count = 0; count < 20; count++) {
        const text = word(8);
        const want = texts.filter((each) => {
          if (each.kind === 'exact') return text === each.text;
          return fromEnd ? text.endsWith(each.text) : text.startsWith(each.text);
        });
        assert.deepEqual(found(index, text), want.map(({ value }) => value).sort(), text);
      }
    }
  }
});
