import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fieldsOf, withoutField } from './field.ts';
import { PAGE, supportPage } from './page.ts';

test(`supportPage() makes ${PAGE} as it is committed: run bun docs/support.ts where it does not`, () => {
  assert.equal(readFileSync(join(resolve(import.meta.dirname, '../..'), PAGE), 'utf8'), supportPage());
});

test('fieldsOf() walks lists, maps and parts of parts, and folds large parts that come again', () => {
  const paths = fieldsOf('VirtualService').map(({ path }) => path);
  for (const path of ['hosts[]', 'http[].match[].headers{}.exact', 'http[].route[].destination.port.number'])
    assert.ok(paths.includes(path), path);
  const folded = fieldsOf('DestinationRule').filter(({ sameAs }) => sameAs !== undefined);
  assert.ok(
    folded.some(({ path, sameAs }) => path === 'subsets[].trafficPolicy' && sameAs === 'trafficPolicy'),
  );
});

test('withoutField() takes a field away wherever it is, and knows where it is not', () => {
  const spec = { http: [{ match: [{ headers: { a: { exact: 'b' }, c: { regex: 'd' } } }] }, {}] };
  assert.deepEqual(withoutField(spec, 'http[].match[].headers{}.exact'), {
    http: [{ match: [{ headers: { a: {}, c: { regex: 'd' } } }] }, {}],
  });
  assert.equal(withoutField(spec, 'http[].match[].headers{}.prefix'), undefined);
  assert.deepEqual(withoutField({ hosts: ['a'], gateways: ['b'] }, 'hosts[]'), { gateways: ['b'] });
});
