import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile, type Issue, parse, type Service, validate } from '../../../router/index.ts';
import type { ForwardAction } from '../../../router/table/route-table.ts';

const A: Service = {
  host: 'a.example',
  namespace: 'default',
  ports: [{ name: 'http', number: 80, protocol: 'HTTP' }],
  endpoints: [],
};

function compiled(annotations: Record<string, string>): {
  action: ForwardAction;
  issues: readonly Issue[];
} {
  const lines = Object.entries(annotations).map(([name, value]) => `    pointsman.dev/${name}: '${value}'`);
  const parsed = parse(
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
  annotations:
    example.com/other: is nobody's business
${lines.join('\n')}
spec:
  hosts: [a.example]
  http:
    - route:
        - { destination: { host: a.example, subset: v1 }, weight: 1 }
        - { destination: { host: a.example, subset: v2 }, weight: 1 }
      mirror: { host: b.example }
`,
    { file: 'rules.yaml' },
  );
  const { resources, issues } = validate(parsed.resources);
  assert.deepEqual([...parsed.issues, ...issues], []);
  const { table, issues: found } = compile(resources, { services: [A] });
  const routes = [...table.listeners, table.fallback].flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap((host) => host.routes),
  );
  const action = routes.find(({ origin }) => origin?.name === 'a')?.action;
  assert.ok(action?.kind === 'forward');
  return { action, issues: found };
}

test('compile() leaves a rule without annotations as it is', () => {
  const { action, issues } = compiled({});
  assert.deepEqual(issues, []);
  assert.ok(!('sticky' in action) && !('preview' in action) && !('compare' in action.mirrors[0]!));
});

test('compile() puts what annotations ask for into the table', () => {
  const { action, issues } = compiled({
    'sticky-split': 'cookie:Session',
    'preview-header': 'X-Preview',
    'preview-from': '10.0.0.0/8 , namespace:qa',
    'mirror-compare': 'status,body',
    'mirror-ignore': 'header:X-Trace, field:user.at',
  });
  assert.deepEqual(issues, []);
  assert.deepEqual(action.sticky?.key, { kind: 'cookie', name: 'Session' });
  const { destinations, ...preview } = action.preview!;
  assert.deepEqual(preview, { header: 'x-preview', everyClient: false, ranges: ['10.0.0.0/8'] });
  assert.deepEqual(
    destinations.map(({ subset }) => subset),
    ['v1', 'v2'],
  );
  assert.deepEqual(action.mirrors[0]!.compare, {
    status: true,
    headers: false,
    body: true,
    ignoredHeaders: ['x-trace'],
    ignoredFields: ['user.at'],
  });
});

const wrong: readonly { readonly annotations: Record<string, string>; readonly message: RegExp }[] = [
  {
    annotations: { 'sticky-split': 'user' },
    message: /^Cannot split by "user": write header:NAME or cookie:NAME/,
  },
  { annotations: { 'sticky-split': 'header:a b' }, message: /^Cannot split by "header:a b"/ },
  {
    annotations: { sticky: 'header:a' },
    message: /^Cannot follow the annotation "pointsman.dev\/sticky": there are /,
  },
  {
    annotations: { 'preview-header': 'x' },
    message: /^Cannot preview by the header "x": anybody may send it/,
  },
  {
    annotations: { 'preview-header': 'x:y', 'preview-from': '::1' },
    message: /^Cannot preview by the header "x:y"/,
  },
  { annotations: { 'preview-from': '::1' }, message: /^Cannot tell what may be previewed/ },
  {
    annotations: { 'preview-header': 'x', 'preview-from': '10.0.0.0/8,10.0.0.0/99' },
    message: /^Cannot trust "10.0.0.0\/99": .*nobody may preview until then$/,
  },
  { annotations: { 'mirror-compare': 'everything' }, message: /^Cannot compare "everything"/ },
  { annotations: { 'mirror-compare': '' }, message: /^Cannot compare ""/ },
  { annotations: { 'mirror-ignore': 'header:a' }, message: /^Cannot tell what to compare/ },
];
for (const { annotations, message } of wrong)
  test(`compile() warns of ${JSON.stringify(annotations)} at its place, and does without`, () => {
    const { action, issues } = compiled(annotations);
    assert.equal(issues.length, 1);
    const [{ code, severity, line, message: told }] = issues as [Issue];
    assert.match(told, message);
    assert.deepEqual([code, severity], ['annotation', 'warning']);
    assert.ok(line! >= 7 && line! <= 8);
    assert.ok(!('sticky' in action) && !('preview' in action) && !('compare' in action.mirrors[0]!));
  });

test('compile() follows the rest of a list of fields to ignore', () => {
  const { action, issues } = compiled({ 'mirror-compare': 'all', 'mirror-ignore': 'field:a,date' });
  assert.equal(issues.length, 1);
  assert.deepEqual(action.mirrors[0]!.compare?.ignoredFields, ['a']);
});
