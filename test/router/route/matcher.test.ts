/** The fast matcher against the reference: generated configurations and requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, createReferenceRouter, createRouter, type RouteRequest } from '../../../router/index.ts';
import { assertAgreement } from './agreement.ts';
import { SERVICES } from './generate.ts';

const PAIRS = 20_000;

test(`createRouter() agrees with createReferenceRouter() on ${PAIRS} generated pairs`, () => {
  assertAgreement(PAIRS);
});

test('createRouter() can be asked again by the draw of a decision', () => {
  const rule = (path: string, weights: readonly number[]) => ({
    match: [{ uri: { exact: path } }],
    rewrite: { uri: `${path}-sent` },
    route: weights.map((weight, index) => ({
      destination: { host: 'greeter', port: { number: 80 + index } },
      weight,
    })),
  });
  const resource = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService' as const,
    metadata: { name: 'nested', namespace: 'default' },
    spec: { hosts: ['greeter'], http: [rule('/outer', [100]), rule('/split', [50, 50])] },
  };
  const router = createRouter(compile([resource], { services: SERVICES }).table);
  const request = (path: string): RouteRequest => {
    return { method: 'GET', scheme: 'http', authority: 'greeter', path, headers: [], port: 80 };
  };
  const decision = router.route(request('/split'), () => {
    router.route(request('/outer'), () => 0);
    return 0;
  });
  assert.equal(decision.kind === 'forward' && decision.request.path, '/split-sent');
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
