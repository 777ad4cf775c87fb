import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HTTP1_METHODS } from '../../../router/region/world.ts';
import { METHODS } from '../../../wire/http1/request-reader.ts';

test('examples are of the methods that the HTTP/1.1 engine takes, and of all of them', () => {
  assert.deepEqual(HTTP1_METHODS.toSorted(), [...METHODS].sort());
});
