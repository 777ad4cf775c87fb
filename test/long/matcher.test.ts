/** The fast matcher against the reference, at length: `bun test/run.ts test/long`. */
import { test } from 'node:test';
import { assertAgreement } from '../router/route/agreement.ts';

const PAIRS = 1_000_000;
const PARTS = 20;

for (let part = 1; part <= PARTS; part++) {
  test(`createRouter() agrees with createReferenceRouter() on ${PAIRS} generated pairs, part ${part} of ${PARTS}`, () => {
    // Seeds rise by one for each configuration, so that the parts, this far from each other, have none in common.
    assertAgreement(PAIRS / PARTS, part * PAIRS);
  });
}
