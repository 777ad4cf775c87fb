import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readText } from '../../config/document.ts';
import type { ValidResource } from '../../router/schema/kind.ts';

function rule(name: string, subset = 'v1'): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
spec:
  hosts: [${name}]
  http:
    - route:
        - destination:
            host: ${name}
            subset: ${subset}
`;
}

const ONE = [rule('one'), rule('two'), rule('three')].join('---\n');

const named = (resources: readonly ValidResource[], name: string): ValidResource | undefined =>
  resources.find(({ metadata }) => metadata.name === name);

const lineOf = (resource: ValidResource | undefined) => resource?.source?.position(['spec', 'hosts']).line;

test('readText() gives what stands unchanged in the text before again as the same object', async () => {
  const first = await readText(ONE, 'rules.yaml');
  const text = [rule('one'), rule('two', 'v2'), rule('three')].join('---\n');
  const second = await readText(text, 'rules.yaml', { previous: first });
  assert.equal(second.resources.length, 3);
  assert.equal(named(second.resources, 'one'), named(first.resources, 'one'));
  assert.equal(named(second.resources, 'three'), named(first.resources, 'three'));
  assert.notEqual(named(second.resources, 'two'), named(first.resources, 'two'));
});

test('readText() says where a resource stands now that has moved, and reads it once', async () => {
  const first = await readText(ONE, 'rules.yaml');
  const second = await readText(`# moved\n---\n${ONE}`, 'rules.yaml', { previous: first });
  for (const name of ['one', 'two', 'three']) {
    const [before, after] = [named(first.resources, name), named(second.resources, name)];
    assert.equal(after?.spec, before?.spec);
    assert.equal(lineOf(after), lineOf(before)! + 2);
    const fresh = await readText(`# moved\n---\n${ONE}`, 'rules.yaml');
    assert.equal(lineOf(after), lineOf(named(fresh.resources, name)));
  }
});

test('readText() says the same of a text whatever was read before it', async () => {
  const broken = rule('two').replace('subset: v1', 'subset: [');
  const unknown = rule('two').replace('hosts:', 'hots:');
  const texts = [
    ONE,
    [rule('one'), broken, rule('three')].join('---\n'),
    [rule('three'), unknown, rule('one'), rule('one')].join('---\n'),
    `${unknown}--- text behind it\n${rule('one')}`,
    [rule('one'), rule('one'), rule('one', 'v2'), ''].join('---\n'),
    '',
    ONE.replaceAll('\n', '\r\n'),
  ];
  const told = ({ resources, issues, refused, whole }: Awaited<ReturnType<typeof readText>>) => ({
    resources: resources.map(({ source, ...rest }) => ({ ...rest, line: source?.position([]).line })),
    issues,
    refused,
    whole,
  });
  let previous = await readText(ONE, 'rules.yaml');
  for (const text of [...texts, ...[...texts].reverse()]) {
    previous = await readText(text, 'rules.yaml', { previous });
    assert.deepEqual(told(previous), told(await readText(text, 'rules.yaml')));
  }
});

for (const { name, text } of [
  {
    name: 'many documents',
    text: Array.from({ length: 400 }, (_, index) => rule(`rule-${index}`)).join('---\n'),
  },
  {
    name: 'one document with a list of many',
    text: JSON.stringify({
      kind: 'List',
      apiVersion: 'v1',
      items: Array.from({ length: 400 }, (_, index) => ({
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: `rule-${index}` },
        spec: { hosts: [`rule-${index}`], http: [{ route: [{ destination: { host: 'a' } }] }] },
      })),
    }),
  },
]) {
  test(`readText() lets others have their turn while it reads ${name}`, async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    const { resources, issues } = await readText(text, 'rules.yaml');
    clearInterval(ticking);
    assert.deepEqual([resources.length, issues], [400, []]);
    assert.ok(turns >= 2, `${turns} turns`);
  });
}

test('readText() ends between two slices when its signal aborts', async () => {
  const controller = new AbortController();
  const text = Array.from({ length: 2000 }, (_, index) => rule(`rule-${index}`)).join('---\n');
  const reading = readText(text, 'rules.yaml', { signal: controller.signal });
  controller.abort(new RangeError('ended'));
  await assert.rejects(reading, new RangeError('ended'));
});

test('readText() tells all that is wrong in a resource at once', async () => {
  const text = `${rule('one').replace('hosts:', 'hots:').replace('subset:', 'subst:')}statsu: {}
---
${rule('two').replace('hosts:', 'hots:').replace('- route:', '- timeout: .inf\n      route:').replace('subset: v1', 'subset: [v1]')}`;
  const { issues, refused, resources } = await readText(text, 'rules.yaml');
  assert.deepEqual(
    issues.map(({ code, line, path }) => [line, code, path?.join('.')]),
    [
      [6, 'unknown-field', 'spec.hots'],
      [11, 'unknown-field', 'spec.http.0.route.0.destination.subst'],
      [12, 'unknown-field', 'statsu'],
      [19, 'unknown-field', 'spec.hots'],
      [21, 'bad-value', undefined],
      [25, 'wrong-type', 'spec.http.0.route.0.destination.subset'],
    ],
  );
  assert.deepEqual(resources, []);
  assert.deepEqual(refused.toSorted(), ['VirtualService/default/one', 'VirtualService/default/two']);
});
