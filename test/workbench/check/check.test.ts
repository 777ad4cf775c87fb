import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { checkTexts } from '../../../workbench/check/index.ts';

const folder = resolve(import.meta.dirname, '../../conformance/corpus/validation');

interface RecordedVerdict {
  readonly valid: boolean;
  readonly crd?: { readonly valid: boolean };
}

test('checkTexts() has for every recorded document the verdicts of Istio and of the API server, and an error where one refuses', () => {
  const { files } = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8')) as {
    files: Record<string, readonly RecordedVerdict[]>;
  };
  for (const [file, verdicts] of Object.entries(files)) {
    const report = checkTexts([{ file, bytes: readFileSync(join(folder, file)) }]);
    assert.deepEqual(
      // Of some files the API server has not been asked.
      report.documents.map(({ istio, cluster }, index) => [
        istio.valid,
        verdicts[index]?.crd && cluster?.valid,
      ]),
      verdicts.map(({ valid, crd }) => [valid, crd?.valid]),
      file,
    );
    if (verdicts.some(({ valid, crd }) => !valid || crd?.valid === false))
      assert.ok(
        report.issues.some(({ severity }) => severity === 'error'),
        file,
      );
    for (const { by } of report.issues) assert.ok(by.length > 0);
  }
});

test('checkTexts() warns of rules for connections, which are not routed', () => {
  const spec = '{hosts: [a], tcp: [{route: [{destination: {host: a}}]}]}';
  const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: ${spec}}`;
  const { issues } = checkTexts([{ file: 'vs.yaml', bytes: new TextEncoder().encode(text) }]);
  assert.deepEqual(
    issues.map(({ code, path }) => [code, path]),
    [['not-carried-out', ['spec', 'tcp', 0]]],
  );
});

test('checkTexts() passes over tests beside the rules, and over nothing else', () => {
  const codes = (text: string) =>
    checkTexts([{ file: 'a.yaml', bytes: new TextEncoder().encode(text) }]).issues.map(({ code }) => code);
  assert.deepEqual(codes('tests: [{ name: a }]\n---\ntestCases: []\n'), []);
  assert.ok(codes('test: []').includes('not-a-resource'));
  assert.ok(codes('{apiVersion: networking.istio.io/v1, kind: VirtualService, tests: []}').length > 0);
});

test('checkTexts() says once what the API server and the gateway have against metadata, in the words that say more', () => {
  const cases: readonly (readonly [metadata: string, code: string, message: string])[] = [
    ['metadata: {}', 'metadata', 'Expected a name in metadata of VirtualService, got nothing'],
    ['metadata: {name: 5}', 'metadata', 'Expected text in metadata.name, got the number 5, put it in quotes'],
    [
      'metadata: {name: a, labels: {b: 5}}',
      'metadata',
      'Expected text in metadata.labels, got the number 5, put it in quotes',
    ],
    ['metadata: 7', 'metadata', 'Expected metadata with a name, got the number 7'],
    ['status: {}', 'metadata', 'Expected metadata with a name, got nothing'],
    ['metadata: {name: a, foo: 3}', 'cluster-refuses', 'Unknown field "foo"'],
  ];
  for (const [metadata, code, message] of cases) {
    const spec = '{hosts: [a], http: [{route: [{destination: {host: a}}]}]}';
    const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, ${metadata}, spec: ${spec}}`;
    const { issues } = checkTexts([{ file: 'vs.yaml', bytes: new TextEncoder().encode(text) }]);
    assert.deepEqual(
      issues.map(({ code, message, severity, by }) => ({ code, message, severity, by })),
      [{ code, message, severity: 'error', by: ['cluster', 'pointsman'] }],
      metadata,
    );
  }
});
