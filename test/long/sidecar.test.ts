/**
 * All cases of the corpus that a sidecar can be in, as rules of a real istiod, which a gateway and a stock Envoy follow
 * side by side.
 */
import { test } from 'node:test';
import { compareSidecars, sidecarCases } from '../conformance/sidecar-mode-run.ts';
import { skipWithout } from '../peer/find.ts';

const cases = sidecarCases();

test(
  `the gateway sends the requests of ${cases.length} cases where a stock Envoy on the same istiod sends them`,
  {
    skip: skipWithout('istiod-file') || skipWithout('envoy'),
  },
  () => compareSidecars(cases),
);
