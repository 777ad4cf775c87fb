/** The fast matcher against the reference: generated configurations and requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createReferenceRouter, createRouter } from '../../../router/index.ts';
import { createDraws, generateRequest, generateResources, SERVICES } from './generate.ts';

const CONFIGURATIONS = 400;
const REQUESTS = 50;

test(`createRouter() agrees with createReferenceRouter() on ${CONFIGURATIONS * REQUESTS} generated pairs`, () => {
  const first = Number(process.env['SEED'] ?? 1);
  let taken = 0;
  for (let seed = first; seed < first + CONFIGURATIONS; seed++) {
    const draws = createDraws(seed);
    const { table } = compile(generateResources(draws), { services: SERVICES });
    const fast = createRouter(table);
    const reference = createReferenceRouter(table);
    for (let count = 0; count < REQUESTS; count++) {
      const request = generateRequest(draws);
      const want = reference.route(request, () => 0);
      if (want.rule) taken++;
      assert.deepEqual(
        fast.route(request, () => 0),
        want,
        `SEED=${seed} ${JSON.stringify(request)}`,
      );
    }
  }
  assert.ok(
    taken > (CONFIGURATIONS * REQUESTS) / 4,
    `only ${taken} requests met a rule: the generator tests too little`,
  );
});

test('createRouter() finds the same route among 2000 rules as createReferenceRouter()', () => {
  const http = Array.from({ length: 2000 }, (_, index) => ({
    match: [{ uri: index % 2 ? { exact: `/item/${index}` } : { prefix: `/group/${index}/` } }],
    directResponse: { status: 200 + (index % 100) },
  }));
  const resource = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService' as const,
    metadata: { name: 'many', namespace: 'default' },
    spec: { hosts: ['greeter'], http },
  };
  const { table } = compile([resource], { services: SERVICES });
  const fast = createRouter(table);
  const reference = createReferenceRouter(table);
  for (const path of ['/item/1999', '/group/1998/x', '/group/1998', '/item/2001']) {
    const request = { method: 'GET', scheme: 'http', authority: 'greeter', path, headers: [], port: 80 };
    assert.deepEqual(
      fast.route(request, () => 0),
      reference.route(request, () => 0),
      path,
    );
  }
});
