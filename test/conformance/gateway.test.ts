/** Runs the recorded corpus through the gateway, on real listeners and upstreams. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDifference } from './compare.ts';
import { runGatewayCase, runGatewayCases } from './gateway-mode.ts';
import { KNOWN_DIFFERENCES } from './gateway-mode-difference.ts';
import { UpstreamPorts } from './gateway-mode-world.ts';
import { caseFolders, readCase } from './world.ts';

/** Cases that take endpoints out for their errors wait ten seconds and more. */
const LIMIT_MS = 120_000;

const cases = caseFolders(join(import.meta.dirname, 'corpus/cases')).map(readCase);

test(`createGateway() does to the traffic of ${cases.length} recorded cases what Istio with Envoy did`, {
  timeout: LIMIT_MS,
}, async () => {
  const wrong: string[] = [];
  await runGatewayCases(cases, ({ name }, differences) => {
    if (differences instanceof Error) return void wrong.push(`${name} ${differences.stack}`);
    if (!Object.hasOwn(KNOWN_DIFFERENCES, name))
      wrong.push(...differences.map((difference) => `${name} ${formatDifference(difference)}`));
    else if (differences.length === 0) wrong.push(`${name} agrees, but is listed as different`);
  });
  assert.deepEqual(wrong, []);
});

test('runGatewayCase() notices a rule that does something else to the traffic', {
  timeout: LIMIT_MS,
}, async () => {
  const ports = new UpstreamPorts();
  for (const [name, from, to] of [
    ['fault-abort-100', '"httpStatus":555', '"httpStatus":556'],
    ['retries-attempts', '"attempts":3', '"attempts":2'],
    ['timeout-basic', '"0.3s"', '"5s"'],
    ['mirror-basic', '"subset":"v2"', '"subset":"v3"'],
  ] as const) {
    const recorded = cases.find((each) => each.name === name);
    assert.ok(recorded);
    const written = JSON.stringify(recorded.resources.map(({ source: _, ...resource }) => resource));
    assert.ok(written.includes(from), `${name} has ${from}`);
    const resources = JSON.parse(written.replaceAll(from, to));
    assert.notEqual((await runGatewayCase({ ...recorded, resources }, ports)).length, 0, name);
  }
  await ports.close();
});
