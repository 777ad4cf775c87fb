import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readText } from '../../../config/document.ts';
import { finish } from '../../../router/index.ts';
import { compiler } from '../../../traffic/rule-set/compiler.ts';
import { buildRuleSet, type RuleSet } from '../../../traffic/rule-set/rule-set.ts';
import { UpstreamPool } from '../../../upstream/pool.ts';

const rule = (name: string, subset: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}]
  http:
    - route: [{ destination: { host: ${name}, subset: ${subset} } }]
`;

test('buildRuleSet() compiles anew only the rules whose text has changed', async () => {
  const pool = new UpstreamPool(() => undefined);
  const service = (name: string) => ({
    host: `${name}.default.svc.cluster.local`,
    namespace: 'default',
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' as const }],
    endpoints: [],
  });
  const compile = { services: [service('one'), service('two')] };
  const build = (resources: Parameters<typeof buildRuleSet>[0]['resources'], previous?: RuleSet) =>
    finish(
      buildRuleSet({ resources }, pool, {
        compile,
        chance: () => 0,
        compiler,
        ...(previous && { previous }),
      }),
    );
  const hostsOf = ({ compilation }: RuleSet) =>
    new Map(
      compilation.table.listeners.flatMap((each) => each.virtualHosts).map((host) => [host.name, host]),
    );

  const reading = await readText(`${rule('one', 'v1')}---\n${rule('two', 'v1')}`, 'rules.yaml');
  const first = build(reading.resources);
  const text = `${rule('one', 'v1')}---\n${rule('two', 'v2')}`;
  const second = build((await readText(text, 'rules.yaml', { previous: reading })).resources, first);
  const [before, after] = [hostsOf(first), hostsOf(second)];
  assert.ok(before.size >= 2, [...before.keys()].join());
  for (const [name, host] of after)
    if (name.startsWith('two.')) assert.notEqual(host, before.get(name));
    else assert.equal(host, before.get(name), name);
});
