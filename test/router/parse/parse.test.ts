import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_BYTES } from '../../../router/parse/document.ts';
import { parse } from '../../../router/parse/index.ts';

const rule = (name: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: ${name}
spec:
  host: ${name}
`;
const names = (text: string | Uint8Array): string[] =>
  parse(text).resources.map(({ metadata }) => metadata.name);

test('parse() reads many documents and passes over empty ones', () => {
  const text = `---\n${rule('a')}---\n\n---\n# nothing but a comment\n--- # and one here\n${rule('b')}\n---\n`;
  assert.deepEqual(names(text), ['a', 'b']);
  assert.deepEqual(parse(text).issues, []);
});

test('parse() reads JSON, byte order marks and Windows line ends', () => {
  const json = JSON.stringify({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'Gateway',
    metadata: { name: 'gw' },
    spec: {},
  });
  assert.deepEqual(names(json), ['gw']);
  assert.deepEqual(names(`\uFEFF${rule('a')}`), ['a']);
  assert.deepEqual(names(new TextEncoder().encode(`\uFEFF${rule('ä')}`)), ['ä']);
  assert.deepEqual(names(`${rule('a')}---\n${rule('b')}`.replaceAll('\n', '\r\n')), ['a', 'b']);
});

test('parse() opens lists, with places inside them', () => {
  const text = `apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: DestinationRule
  metadata:
    name: a
    namespace: prod
  spec:
    host: a
`;
  const { resources, issues } = parse(text, { file: 'list.yaml' });
  assert.deepEqual(issues, []);
  assert.equal(resources[0]?.metadata.namespace, 'prod');
  assert.deepEqual(resources[0]?.source?.position(['spec', 'host']), { line: 10, column: 11 });
});

test('parse() keeps metadata that decides, and drops the rest', () => {
  const text = `${rule('a').replace('  name: a', '  name: a\n  creationTimestamp: 2026-01-01T00:00:00Z\n  uid: x\n  generation: 3\n  labels: {app: "1"}\n  managedFields: []')}status: {}\n`;
  const { resources, issues } = parse(text, { defaultNamespace: 'shop' });
  assert.deepEqual(issues, []);
  const { labels, ...rest } = resources[0]!.metadata;
  assert.deepEqual(rest, { name: 'a', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z' });
  assert.deepEqual({ ...labels }, { app: '1' });
});

test('position() finds keys, values, list elements, proto names and the nearest parent', () => {
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  http:
  - retries:
      per_try_timeout: 2s
    route:
    - destination: {host: b}
`;
  const source = parse(text).resources[0]!.source!;
  assert.deepEqual(source.position(['spec', 'http', 0, 'retries', 'perTryTimeout']), { line: 7, column: 24 });
  assert.deepEqual(source.position(['spec', 'http', 0, 'retries', 'perTryTimeout'], 'key'), {
    line: 7,
    column: 7,
  });
  assert.deepEqual(source.position(['spec', 'http', 0, 'route']), { line: 8, column: 5 });
  assert.deepEqual(source.position(['spec', 'http', 0, 'route'], 'value'), { line: 9, column: 5 });
  assert.deepEqual(source.position(['spec', 'http', 0, 'route', 0, 'destination', 'host']), {
    line: 9,
    column: 27,
  });
  assert.deepEqual(source.position(['spec', 'http', 0, 'route', 0, 'weight']), { line: 9, column: 7 });
  assert.deepEqual(source.position(['spec', 'hosts']), { line: 4, column: 1 });
  assert.equal(source.line(7), '      per_try_timeout: 2s');
});

test('parse() warns of kinds that do not route, once each, and says where ours are', () => {
  const service = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n';
  const ingress = 'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\n';
  const filter = 'apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a}\n';
  const { resources, issues } = parse([service, ingress, filter].join('---\n'));
  assert.deepEqual(resources, []);
  assert.deepEqual(
    issues.map(({ code, severity, line }) => [code, severity, line]),
    [
      ['unknown-kind', 'warning', 2],
      ['unknown-kind', 'warning', 6],
      ['unknown-kind', 'warning', 10],
    ],
  );
});

test('parse() refuses unknown fields beside the spec, or warns when told to', () => {
  const text = `${rule('a')}specs: {}\n`;
  const strict = parse(text);
  assert.deepEqual(strict.resources, []);
  assert.deepEqual(
    strict.issues.map(({ code, line, message }) => [code, line, message]),
    [['unknown-field', 7, 'Unknown field "specs": did you mean "spec"?']],
  );
  const lenient = parse(text, { unknownFields: 'warning' });
  assert.equal(lenient.resources.length, 1);
  assert.equal(lenient.issues[0]?.severity, 'warning');
});

test('parse() refuses a text above its limit unread', () => {
  const { resources, issues } = parse(new Uint8Array(10 * 1024 * 1024).fill(0x5b), { file: 'big.yaml' });
  assert.deepEqual(resources, []);
  assert.deepEqual(
    issues.map(({ code }) => code),
    ['file-too-large'],
  );
  assert.match(issues[0]!.message, new RegExp(`${MAX_BYTES / 1024 / 1024} MiB`));
});

test('parse() survives nesting that would exhaust the stack', () => {
  for (const text of [
    '['.repeat(50_000),
    `${'{a: '.repeat(50_000)}`,
    Array.from({ length: 500 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  ]) {
    const { issues } = parse(text);
    assert.ok(
      issues.length > 0 && issues.every(({ code }) => code === 'too-deep' || code === 'yaml-syntax'),
      JSON.stringify(issues.slice(0, 2)),
    );
  }
});

test('parse() merges maps as YAML 1.1 does, and refuses keys that stand twice by it', () => {
  const merged = `x: &x {name: a}\n${rule('b').replace('  name: b', '  <<: *x')}`;
  assert.equal(parse(merged, { unknownFields: 'warning' }).resources[0]?.metadata.name, 'a');
  const twice = merged.replace('  <<: *x', '  <<: *x\n  name: c');
  assert.deepEqual(
    parse(twice).issues.map(({ code }) => code),
    ['unknown-field', 'duplicate-key'],
  );
});

test('parse() reads a document up to its end, as Istio does: `...`, or text left of its first line', () => {
  assert.deepEqual(names(`${rule('a')}...\nkind: [`), ['a']);
  const indented = rule('a').replaceAll(/^/gm, '  ').trimEnd();
  assert.deepEqual(names(`${indented}\nkind: x\n- y\n`), ['a']);
  assert.equal(parse(`${rule('a')}- b\n`).issues[0]?.code, 'yaml-syntax');
});

test("parse() refuses JSON's escape of a slash, which YAML 1.1 has not", () => {
  const [issue] = parse(rule('a').replace('host: a', 'host: "\\/"')).issues;
  assert.equal(issue?.code, 'yaml-syntax');
  assert.deepEqual([issue.line, issue.column], [6, 10]);
  assert.deepEqual(names(rule('a').replace('name: a', 'name: "a"').replace('host: a', `host: '\\/'`)), ['a']);
});
