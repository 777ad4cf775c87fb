import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf, isOwnAuthority } from '../../gateway/authority.ts';

test('isOwnAuthority() knows loopback and bind addresses with any port, and nothing that looks like them', () => {
  const own = new Set(['10.0.0.5', 'gateway.example']);
  for (const authority of [
    'localhost',
    'LocalHost:8080',
    '127.0.0.1',
    '127.0.0.1:1',
    '[::1]',
    '[::1]:80',
    '10.0.0.5:80',
    'Gateway.example',
    '',
  ])
    assert.equal(isOwnAuthority(authority, own), true, authority);
  for (const authority of ['localhost.example', 'xlocalhost', '127.0.0.10', '10.0.0.50:80', '[::2]', 'echo'])
    assert.equal(isOwnAuthority(authority, own), false, authority);
});

test('hostOf() leaves port and brackets off', () => {
  const cases = { 'a:1': 'a', a: 'a', '[::1]:80': '::1', '[::1]': '::1', '[': '', '': '', ':1': '' };
  for (const [authority, host] of Object.entries(cases)) assert.equal(hostOf(authority), host, authority);
});
