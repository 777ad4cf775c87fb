/** Runs the recorded corpus against the router, by the reference and by the fast matcher. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createReferenceRouter, createRouter } from '../../router/index.ts';
import { formatDifference } from './compare.ts';
import { type RouterFactory, runRouterCase } from './router-mode.ts';
import { caseFolders, readCase } from './world.ts';

/** Cases that are known to differ, each with the reason; one that agrees fails the test, so that the list stays true. */
const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {};

const cases = caseFolders(join(import.meta.dirname, 'corpus/cases')).map(readCase);
const routers: readonly (readonly [name: string, makeRouter: RouterFactory])[] = [
  ['createReferenceRouter', createReferenceRouter],
  ['createRouter', createRouter],
];

for (const [name, makeRouter] of routers) {
  test(`${name}() decides ${cases.length} recorded cases as Istio with Envoy did`, () => {
    const wrong = cases.flatMap((recorded) => {
      const differences = runRouterCase(recorded, makeRouter);
      const isKnown = Object.hasOwn(KNOWN_DIFFERENCES, recorded.name);
      if (isKnown)
        return differences.length > 0 ? [] : [`${recorded.name} agrees, but is listed as different`];
      return differences.map((difference) => `${recorded.name} ${formatDifference(difference)}`);
    });
    assert.deepEqual(wrong, []);
  });
}

test('runRouterCase() notices a rule that sends requests elsewhere', () => {
  const recorded = cases.find(({ name }) => name === 'match-uri-exact');
  assert.ok(recorded);
  const written = JSON.stringify(recorded.resources.map(({ source: _, ...resource }) => resource));
  const changed = JSON.parse(written.replaceAll('"subset":"v2"', '"subset":"v3"'));
  assert.notEqual(runRouterCase({ ...recorded, resources: changed }).length, 0);
});
