import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytes,
  double,
  duration,
  enumeration,
  flag,
  int32,
  list,
  map,
  message,
  text,
  uint32,
  uint64,
} from '../../../router/schema/proto-json.ts';

// What Istio's reader takes and refuses: recorded from `istioctl validate` of 1.31 where a value stands in the corpus.
const numbers: readonly (readonly [input: unknown, value: number | undefined])[] = [
  [5, 5],
  ['5', 5],
  [' 5 ', 5],
  [5.0, 5],
  [5.5, undefined],
  ['5.0', undefined],
  ['05', undefined],
  ['+5', undefined],
  ['1e3', undefined],
  ['', undefined],
  [true, undefined],
  [null, 0],
  [-1, -1],
  [2147483648, undefined],
];

test('int32() takes whole numbers, as text too', () => {
  for (const [input, value] of numbers)
    assert.equal(int32().safeParse(input).data, value, JSON.stringify(input));
  assert.equal(uint32().safeParse(-1).success, false);
  assert.equal(uint32().safeParse('4294967295').data, 4294967295);
  assert.equal(uint64().safeParse(2 ** 53).data, 2 ** 53);
});

test('uint64() refuses 2^64, and says the number with all of its digits', () => {
  const greatest = 2 ** 64 - 2 ** 11;
  assert.equal(uint64().safeParse('18446744073709551615').data, greatest);
  assert.equal(uint64().safeParse(greatest).data, greatest);
  for (const input of [2 ** 64, '18446744073709551616', '9'.repeat(400)]) {
    const said = uint64().safeParse(input).error?.issues[0]?.message ?? '';
    assert.match(
      said,
      /^The number (18446744073709551616|"?9{40,}…?"?) is not in the range 0 to 18446744073709551615$/,
    );
  }
});

test('double() takes numbers in every form that JSON has', () => {
  for (const [input, value] of [
    [0.5, 0.5],
    ['0.5', 0.5],
    ['1e2', 100],
    ['NaN', Number.NaN],
  ] as const)
    assert.equal(double().safeParse(input).data, value);
  for (const input of ['.5', '', 'inf', true, {}])
    assert.equal(double().safeParse(input).success, false, String(input));
});

test('enumeration() takes names and numbers, and keeps numbers without a name', () => {
  const direction = enumeration('NORTH', 'SOUTH');
  assert.equal(direction.safeParse('SOUTH').data, 'SOUTH');
  assert.equal(direction.safeParse(1).data, 'SOUTH');
  assert.equal(direction.safeParse(7).data, '7');
  assert.equal(direction.safeParse('south').success, false);
});

test('text(), flag(), duration() and bytes() refuse other types', () => {
  assert.equal(text().safeParse(5).success, false);
  assert.equal(flag().safeParse('true').success, false);
  assert.equal(duration().safeParse('5').success, false);
  assert.equal(duration().safeParse('1h2m').data, '1h2m');
  assert.equal(bytes().safeParse('aGk=').data, 'aGk=');
  assert.equal(bytes().safeParse('***').success, false);
});

test('message() reads JSON names and proto names, drops nulls and refuses unknown fields', () => {
  const schema = message({ perTryTimeout: duration(), consecutive5xxErrors: int32(), names: list(text()) });
  const read = schema.safeParse({ per_try_timeout: '1s', consecutive_5xx_errors: 1, names: null });
  assert.deepEqual({ ...read.data }, { perTryTimeout: '1s', consecutive5xxErrors: 1 });
  assert.equal(schema.safeParse({ perTryTimeout: '1s', per_try_timeout: '2s' }).data?.perTryTimeout, '1s');
  assert.equal(schema.safeParse({ other: null }).success, false);
  assert.equal(schema.safeParse({ names: 'a' }).success, false);
  assert.deepEqual(schema.safeParse({ names: ['a', null] }).data?.names, ['a', '']);
});

test('message() keeps the last field of a oneof', () => {
  const schema = message({ exact: text(), prefix: text(), regex: text() }, [['exact', 'prefix', 'regex']]);
  assert.deepEqual({ ...schema.safeParse({ regex: null, prefix: 'b', exact: 'a' }).data }, { prefix: 'b' });
});

test('map() keeps every key as data and reports inside its values', () => {
  const schema = map(int32());
  const input = JSON.parse('{"__proto__": 1, "constructor": "2"}');
  const data = schema.safeParse(input).data!;
  assert.deepEqual(Object.entries(data), [
    ['__proto__', 1],
    ['constructor', 2],
  ]);
  assert.equal(Object.getPrototypeOf(data), null);
  assert.deepEqual(
    schema.safeParse({ a: 1, b: 'x' }).error?.issues.map(({ path }) => path),
    [['b']],
  );
});
