import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReferer } from '../../../router/route/referer.ts';

// Measured on Envoy 1.40: what reaches an upstream.
test('isReferer() takes the values that Envoy passes on', () => {
  const kept = [
    '1',
    'a',
    'a,b',
    '/x:y',
    '/x?u=http://b',
    'http://a?x',
    'http://a.com:0/',
    'http://a.com:65535',
  ];
  kept.push(
    'http://a..com',
    'http://[::1]/',
    'https://a.com/,https://b.com/',
    'a+b://x',
    '*',
    '?',
    '//a.com',
    'http://a/<b>',
  );
  for (const value of kept) assert.ok(isReferer(value), value);
});

test('isReferer() refuses the values that Envoy takes away', () => {
  const gone = [
    'a:b',
    'x?y:z',
    'http:/a',
    'http://a#x',
    'http://a.com:',
    'http://a.com:x',
    'http://a.com:65536',
    '#',
  ];
  gone.push(
    'http://a%20b/',
    'http://a/ b',
    'a b',
    'http://a/é',
    'https://a.com,x',
    '1ab://x',
    '://',
    'a://',
    '<a>',
    'http://a@b',
  );
  for (const value of gone) assert.ok(!isReferer(value), value);
});
