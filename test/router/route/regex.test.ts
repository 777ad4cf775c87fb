/** Regex programs held against the RE2 library that they are made by, on generated patterns and texts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { compileRegex } from '../../../router/compile/regex.ts';
import { findRegex } from '../../../router/route/regex-find.ts';
import { regexLiterals } from '../../../router/route/regex-literal.ts';
import { createRegexSet, NO_MATCH, type RegexSet } from '../../../router/route/regex-set.ts';
import { shareOf } from '../../share.ts';
import { createDraws, type Draws } from './generate.ts';

/** Sets of patterns; from SEED where it is given, to repeat what failed. */
const SETS = shareOf(1, 600);
const FIRST_SEED = Number(process.env['SEED'] ?? SETS.first);
const TEXTS_EACH = 20;
/** So few cells that the automaton is forgotten again and again. */
const TINY = 300;

const ATOMS = [
  ...['a', 'b', '/', '.', '[ab]', '[^/]', '[0-9]', '\\d', '\\w', 'x', '-', '1', 'é', '😀', '[a-zé]', '\\pL'],
  ...[
    '\\b',
    '\\B',
    '^',
    '$',
    '\\A',
    '\\z',
    '\\n',
    '(?m:^)',
    '(?m:$)',
    '(?s:.)',
    '(?i:a)',
    '(?i:k)',
    '(?i:é)',
  ],
];
const LETTERS = ['a', 'b', '/', 'x', '1', 'é', 'É', '😀', '\n', '-', 'K', 'k', 'A', '\u212a', '_', ' '];

function generatePattern(draws: Draws, depth: number): string {
  const inner = () => generatePattern(draws, depth - 1);
  switch (depth === 0 ? 0 : draws.below(6)) {
    case 1:
      return inner() + inner();
    case 2:
      return `(${inner()}|${inner()})`;
    case 3:
      return `(?:${inner()})${draws.pick(['*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}'])}`;
    case 4:
      return inner() + inner() + inner();
    default:
      return draws.pick(ATOMS);
  }
}

interface Both {
  readonly pattern: string;
  readonly library: RE2JS;
  readonly program: readonly number[];
}

/** The pattern in both forms, or nothing where the library refuses it. */
function compileBoth(pattern: string): Both[] {
  const program = compileRegex(pattern);
  return program ? [{ pattern, library: RE2JS.compile(pattern), program }] : [];
}

function programOf(pattern: string): readonly number[] {
  const program = compileRegex(pattern);
  assert.ok(program, pattern);
  return program;
}

function forEachText(visit: (all: readonly Both[], text: string, place: string, draws: Draws) => void): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SETS.count; seed++) {
    const draws = createDraws(seed);
    const patterns = Array.from({ length: 1 + draws.below(5) }, () => generatePattern(draws, 3));
    const all = patterns.flatMap(compileBoth);
    for (let count = 0; count < TEXTS_EACH; count++) {
      const text = Array.from({ length: draws.below(8) }, () => draws.pick(LETTERS)).join('');
      visit(all, text, `SEED=${seed} ${JSON.stringify(text)} ${patterns.join('   ')}`, draws);
    }
  }
}

test('compileRegex() has no program for what is not RE2', () => {
  for (const pattern of ['[', '(?=a)', '(a)\\1', 'a**', '(?<=a)b'])
    assert.equal(compileRegex(pattern), undefined, pattern);
});

/** The members of a group that match. */
function matched(set: RegexSet, group: number, text: string): readonly number[] {
  const match = set.match(group, text);
  if (match === NO_MATCH) return [];
  return match > NO_MATCH ? [match] : set.several(match);
}

test('createRegexSet() matches the texts that the library matches, whatever room it has', () => {
  let matches = 0;
  const sets = new WeakMap<readonly Both[], RegexSet[]>();
  forEachText((all, text, place) => {
    const programs = all.map(({ program }) => program);
    const group = { members: programs.map((_, index) => index), after: '' };
    const own = sets.get(all) ?? [createRegexSet(programs, [group]), createRegexSet(programs, [group], TINY)];
    sets.set(all, own);
    const want = all.flatMap(({ library }, index) => (library.testExact(text) ? [index] : []));
    matches += want.length;
    for (const set of own) assert.deepEqual(matched(set, 0, text), want, place);
  });
  assert.ok(matches > SETS.count, `only ${matches} matches: the generator tests too little`);
});

test('createRegexSet() asks a group of texts whose beginning is known as it asks of whole texts', () => {
  const programs = ['/v[12]/a.*', '/v1/[ab]+', '.*\\bb'].map(programOf);
  const members = programs.map((_, index) => index);
  const set = createRegexSet(programs, [
    { members, after: '' },
    { members, after: '/v1/' },
  ]);
  for (const text of ['/v1/a', '/v1/ab', '/v1/b', '/v1/c b', '/v1/', '/v1/é']) {
    assert.deepEqual(matched(set, 1, text), matched(set, 0, text), text);
  }
});

test('regexLiterals() has a beginning and an end of every text that the library matches', () => {
  forEachText((all, text, place) => {
    for (const { library, program, pattern } of all) {
      if (!library.testExact(text)) continue;
      const { prefixes, suffixes } = regexLiterals(program);
      assert.ok(
        prefixes.some((each) => text.startsWith(each)),
        `${pattern} ${place}`,
      );
      assert.ok(
        suffixes.some((each) => text.endsWith(each)),
        `${pattern} ${place}`,
      );
    }
  });
});

test('regexLiterals() tells patterns apart that people write', () => {
  const literals = (pattern: string) => regexLiterals(programOf(pattern));
  assert.deepEqual(literals('/v[12]/items-7/[^/]+').prefixes, ['/v1/items-7/', '/v2/items-7/']);
  assert.deepEqual(literals('/(orders|carts)/7(/.*)?').prefixes.toSorted(), ['/carts/7', '/orders/7']);
  assert.deepEqual(literals('.*/tail-7'), { prefixes: [''], suffixes: ['/tail-7'] });
});

test('findRegex() finds the match and the groups that the library finds', () => {
  forEachText((all, text, place, draws) => {
    const from = draws.below(text.length + 1);
    for (const { library, program, pattern } of all) {
      const matcher = library.matcher(text);
      const places = (group: number) => [matcher.start(group), matcher.end(group)];
      const want = matcher.find(from)
        ? Array.from({ length: matcher.groupCount() + 1 }, (_, group) => places(group)).flat()
        : undefined;
      const got = findRegex(program, text, from)?.slice(0, 2 * (matcher.groupCount() + 1));
      assert.deepEqual(got, want, `${pattern} from ${from}, ${place}`);
    }
  });
});
