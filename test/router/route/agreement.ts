/** Holds the fast router against the reference on generated configurations and requests. */
import assert from 'node:assert/strict';
import { compile, createReferenceRouter, createRouter } from '../../../router/index.ts';
import { createDraws, generateRequest, generateResources, SERVICES } from './generate.ts';

const REQUESTS_EACH = 50;

/**
 * Compares so many decisions, of configurations that begin with the seed. A difference fails with the seed of its
 * configuration, to be given as SEED; so does a run in which too few requests meet a rule to tell anything.
 */
export function assertAgreement(pairs: number, seedOfFirst = 1): void {
  const first = Number(process.env['SEED'] ?? seedOfFirst);
  let taken = 0;
  for (let seed = first; seed < first + pairs / REQUESTS_EACH; seed++) {
    const draws = createDraws(seed);
    const { table } = compile(generateResources(draws), { services: SERVICES });
    const fast = createRouter(table);
    const reference = createReferenceRouter(table);
    for (let count = 0; count < REQUESTS_EACH; count++) {
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
  assert.ok(taken > pairs / 4, `only ${taken} requests met a rule: the generator tests too little`);
}
