/** Whom requests are hashed by, against what real Envoy chose for each. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requestHash } from '../../../traffic/forward/request-hash.ts';
import type { FieldList } from '../../../wire/stream.ts';
import { exchangeOf, FakeClient, forwardDecision } from '../world.ts';

const folder = join(import.meta.dirname, '../../conformance/corpus/cases/source-ip-forwarded');
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const requests: readonly { readonly id: string; readonly headers: FieldList }[] = read('case.json').requests;
const results: readonly { readonly upstream: { readonly endpoint: string } }[] =
  read('expected.json').results;

function hashOf(headers: FieldList): bigint | undefined {
  const { exchange } = exchangeOf(new FakeClient(), true, headers);
  Object.assign(exchange.head, { sourceAddress: '127.0.0.1', sourcePort: 40_000 });
  return requestHash(forwardDecision({ hashPolicy: [{ kind: 'source-ip' }] }, headers), exchange);
}

test('requestHash() takes x-forwarded-for of a client as Envoy does', () => {
  const direct = hashOf([]);
  const byHash = new Map<bigint | undefined, Set<string>>();
  const believed: string[] = [];
  for (const [index, { headers }] of requests.entries()) {
    const hash = hashOf(headers);
    const { endpoint } = results[index]!.upstream;
    byHash.set(hash, (byHash.get(hash) ?? new Set()).add(endpoint));
    if (hash !== direct) believed.push(headers.map(([, value]) => value).join());
  }
  // Who is one client here went to one endpoint there.
  assert.deepEqual(
    [...byHash.values()].filter((endpoints) => endpoints.size > 1),
    [],
  );
  assert.ok(new Set(results.map(({ upstream }) => upstream.endpoint)).size >= 4, 'there is a choice');
  assert.deepEqual(
    believed.filter((value) => /nobody|:80|\[|,$|999|x::|^1:2|^0|^10\.0\.1$|7 10\.0\.1\.2$/.test(value)),
    [],
    'an address is all of a value',
  );
  assert.equal(
    hashOf([['x-forwarded-for', '2001:DB8:0:0:0:0:0:7']]),
    hashOf([['x-forwarded-for', '2001:db8::7']]),
  );
});
