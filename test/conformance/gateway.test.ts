/** Runs the recorded corpus through the gateway, on real listeners and upstreams. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDifference } from './compare.ts';
import { runGatewayCase, runGatewayCases } from './gateway-mode.ts';
import { UpstreamPorts } from './gateway-mode-world.ts';
import { caseFolders, readCase } from './world.ts';

const PASSTHROUGH =
  'Istio sends a host that it does not know to where the client dialled, which a gateway does not know';
const METHOD = "Envoy's HTTP/1 codec takes only methods that it knows";
const TARGET = 'a request target with a fragment is refused';
const HOST = 'a Host with a port that is no number is refused';

const RECORDER =
  'recorded by test/conformance/record, whose upstreams frame and name themselves otherwise than those of gateway mode: compared by the router';
const NO_LISTENER =
  "asks ports on which the recorded proxy does not listen, and the recorder's upstreams: compared by the router";
/** Cases that are known to differ, each with the reason; one that agrees fails the test, so that the list stays true. */
const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'outlier-5xx-quick': 'Envoy lets a second ejection be felt late; here each is felt at once',
  'headers-default-forwarded': 'Envoy passes `expect` on; here each neighbour is answered by itself',
  'host-external-port-80': PASSTHROUGH,
  'host-fqdn': PASSTHROUGH,
  'host-no-rule': PASSTHROUGH,
  'host-several': PASSTHROUGH,
  'host-short': PASSTHROUGH,
  'host-star': PASSTHROUGH,
  'host-wildcard-prefix': PASSTHROUGH,
  'retries-default-no-rule': PASSTHROUGH,
  'host-port-in-authority': HOST,
  'match-authority-regex': HOST,
  'match-method': METHOD,
  'match-method-regex': METHOD,
  'match-query-exact': TARGET,
  'match-uri-exact': TARGET,
  'direct-statuses': RECORDER,
  'dr-protocols': RECORDER,
  'gateway-forwarded': RECORDER,
  'gateway-https-redirect': RECORDER,
  'redirect-location': RECORDER,
  'rewrite-regex-substitutions': RECORDER,
  'rewrite-uri-slashes': RECORDER,
  'se-addresses': RECORDER,
  'se-endpoints': RECORDER,
  'se-export-to': RECORDER,
  'se-ports': RECORDER,
  'se-wildcard': RECORDER,
  'se-workload-selector': RECORDER,
  'mesh-oldest-wins': PASSTHROUGH,
  'mesh-other-namespace': PASSTHROUGH,
  'mesh-path-none': PASSTHROUGH,
  'mesh-wildcard-other-protocol': PASSTHROUGH,
  ...Object.fromEntries(
    Array.from({ length: 25 }, (_, index) => [`mixed-${`${index}`.padStart(3, '0')}`, NO_LISTENER]),
  ),
};

/** Cases that take endpoints out for their errors wait ten seconds and more. */
const LIMIT_MS = 120_000;

const cases = caseFolders(join(import.meta.dirname, 'corpus/cases')).map(readCase);

test(`createGateway() does to the traffic of ${cases.length} recorded cases what Istio with Envoy did`, {
  timeout: LIMIT_MS,
}, async () => {
  const wrong: string[] = [];
  await runGatewayCases(cases, async (recorded, ports) => {
    const differences = await runGatewayCase(recorded, ports);
    const { name } = recorded;
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
