import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HashPolicy } from '../../../router/index.ts';
import {
  cookieValueOf,
  type HashedRequest,
  hashRequest,
  setCookieValue,
} from '../../../router/policy/hash.ts';
import { Hash64, toBigInt, xxHash64Text } from '../../../router/policy/xxhash64.ts';

const hash64 = new Hash64();
const hashOf = (text: string): bigint => {
  xxHash64Text(text, hash64);
  return toBigInt(hash64);
};
const request = (more: Partial<HashedRequest>): HashedRequest => ({
  method: 'GET',
  authority: 'a.example',
  path: '/',
  headers: [],
  ...more,
});
const noCookie = () => undefined;
const by = (policy: HashPolicy, more: Partial<HashedRequest>): bigint | undefined =>
  hashRequest([policy], request(more), noCookie);

test('hashRequest() hashes a header, also one that is no field of the message', () => {
  const policy = { kind: 'header', name: 'x-user' } as const;
  assert.equal(by(policy, { headers: [['x-user', 'u']] }), hashOf('u'));
  assert.equal(by(policy, {}), undefined);
  assert.equal(by({ kind: 'header', name: ':authority' }, {}), hashOf('a.example'));
});

test('hashRequest() hashes a repeated header whatever the order', () => {
  const policy = { kind: 'header', name: 'x' } as const;
  const one = by(policy, {
    headers: [
      ['x', 'a'],
      ['x', 'b'],
    ],
  });
  assert.equal(
    by(policy, {
      headers: [
        ['x', 'b'],
        ['x', 'a'],
      ],
    }),
    one,
  );
  assert.notEqual(one, by(policy, { headers: [['x', 'ab']] }));
});

test('hashRequest() hashes a cookie without its quotes, and has one made where it has a time to live', () => {
  const policy = { kind: 'cookie', name: 'user' } as const;
  const headers = [['cookie', 'a=1; user="u=1"; user=other']] as const;
  assert.equal(by(policy, { headers }), hashOf('u=1'));
  assert.equal(by(policy, { headers: [['cookie', 'users=1']] }), undefined);
  assert.equal(
    hashRequest([policy], request({}), () => assert.fail('no time to live')),
    undefined,
  );
  assert.equal(
    hashRequest([{ ...policy, ttlMs: 0 }], request({}), () => 'made'),
    hashOf('made'),
  );
});

test('hashRequest() hashes the first parameter of the query as it is written', () => {
  const policy = { kind: 'query', name: 'u' } as const;
  assert.equal(by(policy, { path: '/?x=u&u=a%20b&u=c' }), hashOf('a%20b'));
  assert.equal(by(policy, { path: '/?u' }), hashOf(''));
  assert.equal(by(policy, { path: '/u=1' }), undefined);
});

test('hashRequest() joins policies, each of which turns those before it by a bit', () => {
  const policies: readonly HashPolicy[] = [{ kind: 'source-ip' }, { kind: 'query', name: 'u' }];
  const joined = hashRequest(policies, request({ path: '/?u=1', sourceAddress: '10.0.0.1' }), noCookie);
  const first = hashOf('10.0.0.1');
  assert.equal(joined, BigInt.asUintN(64, (first << 1n) | (first >> 63n)) ^ hashOf('1'));
  assert.equal(
    hashRequest(policies, request({ path: '/?u=1' }), noCookie),
    hashOf('1'),
    'what is missing is left out',
  );
});

test('setCookieValue() writes a cookie as Envoy was recorded to', () => {
  const policy = { kind: 'cookie', name: 'user', path: '/p', ttlMs: 60_000 } as const;
  assert.equal(
    setCookieValue(policy, '3efe73f9062c2e52'),
    'user="3efe73f9062c2e52"; Max-Age=60; Path=/p; HttpOnly',
  );
  const attributes = [
    { name: 'SameSite', value: 'Lax' },
    { name: 'Secure', value: '' },
  ];
  assert.equal(
    setCookieValue({ kind: 'cookie', name: 'a', attributes }, 'b'),
    'a="b"; SameSite=Lax; Secure; HttpOnly',
  );
  assert.match(cookieValueOf('127.0.0.1:4711'), /^[0-9a-f]{16}$/);
});
