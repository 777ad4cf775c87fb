import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import {
  acceptsText,
  DEAD,
  forcedPrefix,
  literalAutomaton,
  regexAutomaton,
} from '../../../router/region/automaton.ts';
import { partition } from '../../../router/region/partition.ts';
import { createDraws } from '../route/generate.ts';

const PATTERNS = [
  'a',
  'a|ab|abc',
  '(a|b)*abb',
  '/v[0-9]+/.*',
  '(?i)ab[c-e]k',
  '(?i:s)t',
  'a{2,4}b{0}c{1,}',
  '[^a]*',
  '.*',
  '(?s).*',
  '^ab$',
  'a^b',
  'a$b',
  '(?m)^a$\n^b$',
  '\\ba+\\b.*',
  'a\\Bb',
  '\\w+\\W\\d*\\s?',
  '[[:alpha:]]+-[[:^digit:]]',
  '\\pL\\PN?',
  '\\x61\\x{1F600}?',
  '\\Qa.b\\E+',
  '(?P<name>a)(?:b)?',
  'a*?b+?c??',
  '',
  '|a',
  '[\\]a-]+',
];

test('regexAutomaton() holds the texts that RE2 matches as a whole', () => {
  const draws = createDraws(7);
  const chars = [...'aabbcdkKsSABt/v19 .-_]\n', '\u017f', '\u212a', 'é', '😀'];
  let matched = 0;
  for (const pattern of PATTERNS) {
    const automaton = regexAutomaton(pattern);
    const regex = RE2JS.compile(pattern);
    for (let count = 0; count < 400; count++) {
      const text = Array.from({ length: draws.below(6) }, () => draws.pick(chars)).join('');
      const want = regex.matcher(text).matches();
      if (want) matched++;
      assert.equal(acceptsText(automaton, text), want, `${pattern} on ${JSON.stringify(text)}`);
    }
  }
  assert.ok(matched > 200, `${matched} texts matched`);
});

test('regexAutomaton() of what is not RE2 holds nothing, as it matches nothing in routing', () => {
  assert.equal(regexAutomaton('(?!a)').start, DEAD);
});

test('literalAutomaton() compares whole texts and prefixes, letter case aside where asked', () => {
  const rows: [string, boolean, boolean, string, boolean][] = [
    ['/a', false, false, '/a', true],
    ['/a', false, false, '/a/', false],
    ['/a', true, false, '/ab', true],
    ['/a', true, false, '/', false],
    ['/A', true, true, '/aB', true],
    ['/A', false, false, '/a', false],
    ['', true, false, '', true],
    // Only ASCII's letters have a case: the Kelvin sign is no k.
    ['k', false, true, '\u212a', false],
    ['😀', true, false, '😀b', true],
  ];
  for (const [value, prefix, ignoreCase, text, want] of rows) {
    assert.equal(
      acceptsText(literalAutomaton(value, { prefix, ignoreCase }), text),
      want,
      `${value} ${text}`,
    );
  }
});

test('forcedPrefix() is what all texts of a set begin with', () => {
  const prefixOf = (pattern: string) => forcedPrefix(regexAutomaton(pattern));
  assert.equal(prefixOf('/api/v[12]/.*'), '/api/v');
  assert.equal(prefixOf('/a|/b'), '/');
  assert.equal(prefixOf('/ab?'), '/a');
  assert.equal(prefixOf('(?i)/a'), '/');
  assert.equal(prefixOf('.*'), '');
});

test('partition() cuts texts into all the combinations of conditions that there are, with a text for each', () => {
  const workspace = { steps: 1e6, automata: new Map() };
  const tests = [regexAutomaton('a.*'), regexAutomaton('.*b'), regexAutomaton('ab')];
  const parts = partition(regexAutomaton('[a-z]*'), tests, ['zz'], workspace)!;
  // None, begins with a, ends with b, both but not "ab", all three. "ab" alone fulfils the last.
  assert.deepEqual(parts.map(({ holds }) => holds).sort(), [0b000n, 0b001n, 0b010n, 0b011n, 0b111n]);
  for (const { holds, samples } of parts) {
    for (const sample of samples) {
      const bits = tests.map((automaton, bit) => (acceptsText(automaton, sample) ? 1n << BigInt(bit) : 0n));
      assert.equal(
        bits.reduce((sum, bit) => sum + bit, 0n),
        holds,
        sample,
      );
    }
  }
  assert.equal(parts.find(({ holds }) => holds === 0n)?.samples[0], 'zz');
});

test('partition() gives up within its limits where automata grow without bound', () => {
  const workspace = { steps: 1e9, automata: new Map() };
  const tests = [regexAutomaton('.*a.{14}'), regexAutomaton('.*b.{14}')];
  assert.equal(partition(regexAutomaton('[abc]*'), tests, [], workspace), undefined);
});
