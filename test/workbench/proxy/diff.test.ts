/**
 * What proxies have, held against the rules that a real istiod made it of: nothing may differ; and against other rules.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, type ValidResource, validate } from '../../../router/index.ts';
import { diffText } from '../../../workbench/diff/text.ts';
import { diffWithProxy } from '../../../workbench/proxy/diff.ts';
import { readEnvoyDump } from '../../../workbench/proxy/envoy-dump.ts';
import { caseFolders, readCase } from '../../conformance/world.ts';

const FIXTURES = join(import.meta.dirname, '../../fixture/proxy');
const read = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8');
const rules = (...texts: readonly string[]): ValidResource[] => {
  const parsed = texts.flatMap((text) => parse(text).resources);
  const { resources, issues } = validate(parsed);
  assert.deepEqual(
    issues.filter(({ severity }) => severity === 'error'),
    [],
  );
  return [...resources];
};

interface Dump {
  readonly configs: readonly {
    readonly dynamic_route_configs?: readonly { readonly route_config: unknown }[];
  }[];
}
const dumpOf = (name: string): Dump => JSON.parse(read(name));
/** As `istioctl proxy-config routes -o json` prints them. */
const routesOf = ({ configs }: Dump): unknown[] =>
  configs.flatMap((each) => (each.dynamic_route_configs ?? []).map(({ route_config: routes }) => routes));

/** What cannot be seen in the routes of a recorded case, so that rules beside them make others. */
const UNSEEN: Readonly<Record<string, string>> = {
  'dr-export-to':
    'a service in another namespace that a VirtualService is for is a service only to those who know it',
  'dr-wildcard-hosts': 'the same',
  'gateway-external-name': 'which services are names of others is not told to a gateway',
  'gateway-https-servers': 'which of the servers with TLS has a host is told by listeners alone',
  'host-external-name':
    'which services are names of others is not told of one that a rule is for or that leads nowhere',
  'match-header-pseudo': 'conditions on sixteen fields are too complex to compare',
  'mesh-config': 'defaultVirtualServiceExportTo',
  'mixed-018': 'defaultServiceExportTo, and a retry policy of the mesh that no service shows',
  'se-host-capitals-rules': 'which host of a ServiceEntry has capitals is told by clusters alone',
  'se-shared-endpoints': 'a port without a virtual host is known by clusters alone',
};

test("diffWithProxy() finds no change between Istio's routes of the recorded cases and their rules", () => {
  const moved: string[] = [];
  const cases = caseFolders(join(import.meta.dirname, '../../conformance/corpus/cases'));
  for (const folder of cases) {
    const { name, world, resources } = readCase(folder);
    const { routes } = JSON.parse(readFileSync(join(folder, 'envoy.json'), 'utf8'));
    const { namespace, labels } = world.proxy;
    const proxy = readEnvoyDump(Object.values(routes), namespace);
    assert.deepEqual(proxy.leftOut, [], name);
    const { diff, exportedByDefault } = diffWithProxy({ proxy }, { resources }, { namespace, labels });
    if (diffText(diff) !== 'no request changes') moved.push(name);
    if (UNSEEN[name]?.startsWith('default')) assert.ok(exportedByDefault.length > 0, name);
  }
  assert.ok(cases.length > 300);
  assert.deepEqual(moved, Object.keys(UNSEEN));
});

const ALL = rules(read('services.yaml'), read('rules.yaml'));
const RULES = rules(read('rules.yaml'));

for (const kind of ['sidecar', 'router']) {
  const dump = dumpOf(`${kind}.json`);
  for (const [form, value, client] of [
    ['config dump', dump, undefined],
    ['routes', routesOf(dump), kind === 'sidecar' ? { labels: { app: 'web' } } : undefined],
  ] as const) {
    test(`diffWithProxy() finds no change between the ${form} of a real ${kind} and the rules that istiod made it of`, () => {
      const proxy = readEnvoyDump(value);
      assert.deepEqual(proxy.leftOut, []);
      assert.equal(proxy.identity.type, kind);
      for (const resources of [ALL, RULES]) {
        const { diff, assumed } = diffWithProxy({ proxy }, { resources }, client);
        assert.equal(diffText(diff), 'no request changes');
        assert.deepEqual(assumed, []);
        assert.equal(diffText(diffWithProxy({ resources }, { proxy }, client).diff), 'no request changes');
      }
    });

    test(`diffWithProxy() tells what other rules would move of the ${form} of a real ${kind}`, () => {
      const proxy = readEnvoyDump(value);
      const other = rules(
        read('rules.yaml').replace('weight: 75', 'weight: 60').replace('weight: 25', 'weight: 40'),
      );
      const { diff } = diffWithProxy({ proxy }, { resources: other }, client);
      assert.deepEqual(
        diff.moves.map(({ isRest, flows }) => [isRest, flows]),
        [[true, [{ from: 'reviews v1', to: flowTarget, percent: 15 }]]],
      );
      assert.deepEqual([diff.unknown, diff.clusters], [[], []]);
      const back = diffWithProxy({ resources: other }, { proxy }, client).diff;
      assert.deepEqual(back.moves[0]?.flows, [{ from: flowTarget, to: 'reviews v1', percent: 15 }]);
    });
  }
}
const flowTarget = 'reviews v2 with request headers set x-canary: 1';

test('diffWithProxy() has a client other than the proxy itself by its labels', () => {
  const proxy = readEnvoyDump(dumpOf('sidecar.json'));
  const { diff } = diffWithProxy({ proxy }, { resources: RULES }, { labels: { app: 'job' } });
  assert.deepEqual(
    diff.moves.map(({ conditions }) => conditions),
    [['path = "/web"']],
  );
});

test("diffWithProxy() names the rules of other namespaces whose visibility is up to the mesh's default", () => {
  const proxy = readEnvoyDump(dumpOf('sidecar.json'));
  const named = (exportTo: string, namespace: string) =>
    diffWithProxy(
      { proxy },
      {
        resources: rules(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shared, namespace: ${namespace} }
spec: { hosts: [shared.example], ${exportTo} http: [{ redirect: { uri: / } }] }
`),
      },
    ).exportedByDefault;
  assert.deepEqual(named('', 'teams'), ['VirtualService teams/shared']);
  assert.deepEqual(named('exportTo: ["*"],', 'teams'), []);
  assert.deepEqual(named('', proxy.identity.namespace), []);
});

test('diffWithProxy() compares settings of destinations, and tells of subsets that the proxy lacks', () => {
  const proxy = readEnvoyDump(dumpOf('sidecar.json'));
  const other = read('rules.yaml').replace('consecutive5xxErrors: 3', 'consecutive5xxErrors: 4');
  const { diff } = diffWithProxy({ proxy }, { resources: rules(other) });
  assert.deepEqual(diff.moves, []);
  assert.deepEqual([...new Set(diff.clusters.map(({ target, field }) => `${target} ${field}`))].sort(), [
    'reviews outlierDetection',
    'reviews v1 outlierDetection',
    'reviews v2 outlierDetection',
  ]);
  const [, ...withoutSubsets] = rules(read('rules.yaml').replaceAll('subset: v1', 'subset: v9'));
  const missing = diffWithProxy({ proxy }, { resources: withoutSubsets }).diff;
  assert.deepEqual(missing.moves.at(-1)?.flows, [
    { from: 'reviews v1', to: 'reviews v9, which does not exist (503)', percent: 75 },
  ]);
});

test('diffWithProxy() takes a Gateway on port 80 for a proxy that listens on 8080, and one that is not given for all ports', () => {
  const proxy = readEnvoyDump(dumpOf('router.json'));
  const onPort80 = rules(read('rules.yaml').replace('number: 8080', 'number: 80'));
  assert.equal(diffText(diffWithProxy({ proxy }, { resources: onPort80 }).diff), 'no request changes');
  const without = RULES.filter(({ kind }) => kind !== 'Gateway');
  const { diff, assumed } = diffWithProxy({ proxy }, { resources: without });
  assert.equal(diffText(diff), 'no request changes');
  assert.deepEqual(assumed, ['gateway default/public']);
});

test('diffWithProxy() compares a dump with routes alone, and nothing of two kinds', () => {
  const dump = dumpOf('sidecar.json');
  const proxy = readEnvoyDump(dump);
  const routes = readEnvoyDump(routesOf(dump));
  assert.equal(diffText(diffWithProxy({ proxy }, { proxy: routes }).diff), 'no request changes');
  const router = readEnvoyDump(dumpOf('router.json'));
  assert.throws(() => diffWithProxy({ proxy }, { proxy: router }), /Cannot compare what a sidecar has with/);
});
