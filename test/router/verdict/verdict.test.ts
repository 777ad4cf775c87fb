import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verdicts } from '../../../router/verdict/index.ts';

const document = (spec: string, rest = 'metadata: {name: a}'): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\n${rest}\nspec: ${spec}\n`;
const routes = 'http: [{route: [{destination: {host: a}}]}]';

test('verdicts() says what each of the two refuses, with its place', () => {
  // Recorded: 610-yaml-oneof-two, which Istio takes and the API server refuses.
  const [both] = verdicts(
    document(
      `{hosts: [a], http: [{match: [{uri: {exact: /a, prefix: /b}}], route: [{destination: {host: a}}]}]}`,
    ),
    'a.yaml',
  );
  assert.equal(both?.istio.valid, true);
  assert.equal(both?.crd?.valid, false);
  assert.deepEqual(
    both?.crd?.issues.map(({ code, file, line, message }) => [code, file, line, message]),
    [
      [
        'cluster-refuses',
        'a.yaml',
        4,
        'Cannot have exact and prefix together in spec.http[0].match[0].uri: keep one of them',
      ],
    ],
  );
});

test('verdicts() names the stage at which Istio stops', () => {
  const stage = (text: string) => verdicts(text).map(({ istio }) => istio.stage);
  assert.deepEqual(stage('a: [b'), ['yaml']);
  assert.deepEqual(stage(document('{hosts: 5}')), ['parse']);
  assert.deepEqual(stage(document(`{hosts: [a], ${routes}}\nmore: {}`)), ['fields']);
  assert.deepEqual(stage(document('{hosts: [a]}')), ['validate']);
  assert.deepEqual(stage('kind: Service'), ['unknown-kind']);
  assert.deepEqual(stage(document(`{hosts: [a], ${routes}}`)), [undefined]);
});

test('verdicts() lets Istio take what only a cluster refuses in metadata', () => {
  for (const metadata of [
    'metadata: {}',
    'metadata: {name: A_B}',
    'metadata: {name: a, nope: 1}',
    'metadata: {name: a, labels: {a: 5}}',
    'metadata: {name: a, labels: {"a b": c}}',
  ]) {
    const [one] = verdicts(document(`{hosts: [a], ${routes}}`, metadata));
    assert.deepEqual([one?.istio.valid, one?.crd?.valid], [true, false], metadata);
  }
});

test('verdicts() has no API server verdict where there is no definition', () => {
  assert.equal(verdicts('apiVersion: v1\nkind: Service\nmetadata: {name: a}\n')[0]?.crd, undefined);
  assert.equal(verdicts('a: [b')[0]?.crd, undefined);
});

test('verdicts() loses the document before a wrong separator, as kubectl and istioctl do', () => {
  const good = document(`{hosts: [a], ${routes}}`);
  const got = verdicts(`${good}---\n${good}--- wrong\n${good}`);
  assert.deepEqual(
    got.map(({ istio }) => istio.valid),
    [true, false],
  );
});

test('verdicts() has one of each document that has a line, comments and blank lines among them', () => {
  const good = document(`{hosts: [a], ${routes}}`);
  const stages = (text: string): (string | undefined)[] => verdicts(text).map(({ istio }) => istio.stage);
  // Recorded: 669 to 679 of the validation corpus.
  assert.deepEqual(stages(`# Copyright\n---\n${good}`), ['unknown-kind', undefined]);
  assert.deepEqual(stages(`${good}---\n---\n---\n${good}`), [undefined, 'unknown-kind', undefined]);
  assert.deepEqual(stages(`${good}---\n`), [undefined]);
  assert.deepEqual(stages(''), []);
});
