import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scalarValue } from '../../../router/parse/scalar.ts';

// Each value is what sigs.k8s.io/yaml 1.6 made of the text (`v: TEXT`) as JSON.
const plain: readonly (readonly [text: string, value: unknown])[] = [
  ['yes', true],
  ['y', true],
  ['On', true],
  ['oN', 'oN'],
  ['off', false],
  ['N', false],
  ['~', null],
  ['', null],
  ['Null', null],
  ['nUll', 'nUll'],
  ['12', 12],
  ['+12', 12],
  ['-0', 0],
  ['010', 8],
  ['08', 8],
  ['0o17', 15],
  ['0x1F', 31],
  ['0b101', 5],
  ['-0b101', -5],
  ['1_000', 1000],
  ['1__0', 10],
  ['_1', '_1'],
  ['1e3', 1000],
  ['1.', 1],
  ['.5', 0.5],
  ['-.5', -0.5],
  ['1e999', '1e999'],
  ['18446744073709551615', 2 ** 64],
  ['18446744073709551616', 2 ** 64],
  ['1.2.3', '1.2.3'],
  ['12s', '12s'],
  ['1:30', '1:30'],
  ['2001-01-02', '2001-01-02'],
  ['0x', '0x'],
  ['.', '.'],
  ['-', '-'],
];

test('scalarValue() reads plain text as YAML 1.1 the way Kubernetes does', () => {
  for (const [text, value] of plain)
    assert.deepEqual(scalarValue(text, true, undefined), { ok: true, value }, text);
});

test('scalarValue() leaves quoted text alone', () => {
  for (const text of ['yes', '12', '', '.inf'])
    assert.deepEqual(scalarValue(text, false, undefined), { ok: true, value: text });
});

test('scalarValue() refuses numbers that JSON does not have', () => {
  for (const text of ['.inf', '-.Inf', '+.INF', '.nan'])
    assert.equal(scalarValue(text, true, undefined).ok, false, text);
});

test('scalarValue() follows a tag', () => {
  assert.deepEqual(scalarValue('12', true, '!!str'), { ok: true, value: '12' });
  assert.deepEqual(scalarValue('12', false, 'tag:yaml.org,2002:int'), { ok: true, value: 12 });
  assert.deepEqual(scalarValue('aGk=', true, '!!binary'), { ok: true, value: 'hi' });
  assert.deepEqual(scalarValue('12', true, '!own'), { ok: true, value: '12' });
  assert.deepEqual(scalarValue('12', true, '!'), { ok: true, value: '12' });
  assert.equal(scalarValue('many', true, '!!int').ok, false);
});
