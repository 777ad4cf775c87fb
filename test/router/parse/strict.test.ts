import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readDocuments } from '../../../router/parse/document.ts';
import { parse } from '../../../router/parse/index.ts';
import { verdicts } from '../../../router/verdict/index.ts';
import { startPilot } from '../../conformance/record/pilot.ts';
import { findPeer } from '../../peer/find.ts';

const head =
  'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec:\n  host: a\n';
const annotated = (map: string): string => head.replace('{name: a}', `{name: a, annotations: ${map}}`);
const json = JSON.stringify({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'a' },
  spec: { host: 'a' },
});

/** What Istio takes and we refuse, with what we say. */
const REFUSED: readonly (readonly [text: string, message: RegExp])[] = [
  [annotated('{1: a, "1": b}'), /^The key "1" stands twice in one map: keep one$/],
  [annotated('{a:, b: c}'), /^Cannot read what is right behind ":": write a space between$/],
  [annotated('{?a : b}'), /^Cannot read "\?" or a leading ":" in brackets: put the text in quotes$/],
  [
    `${head}  subsets:\n  - labels:\n      !!str &c d: b\n    name: b\n`,
    /^Cannot read a tag and an anchor before a key/,
  ],
  [annotated('{a: "b\u2028c"}'), /^Cannot read the character U\+2028/],
  [`${head}  subsets:\n  - name: &n b\n    labels:\n      *n: c\n`, /^Cannot read the YAML: bad indentation/],
  [`${head}%YAML 1.1\n`, /^Cannot read the YAML: /],
  [`---\n\uFEFF${head}`, /^Cannot read the byte order mark \(U\+FEFF\) here: delete it$/],
  [`${json} {}\n`, /^Cannot read the YAML: end of the stream/],
  [`${head}status: ${'['.repeat(70)}${']'.repeat(70)}\n`, /^Cannot read nesting deeper than 64 levels$/],
];

test('verdicts() refuses YAML that Istio takes where it may be read in another way', () => {
  for (const [text, message] of REFUSED) {
    const [{ istio }] = verdicts(text) as [ReturnType<typeof verdicts>[0]];
    assert.equal(istio.stage, 'yaml', text);
    assert.match(istio.issues[0]!.message, message, text);
  }
});

const oracle = findPeer('istio-oracle');

test('Istio takes the YAML that verdicts() is said to refuse alone', {
  skip: oracle === undefined && 'needs test/peer/install.sh istio-oracle',
}, async () => {
  const pilot = startPilot(oracle!);
  try {
    for (const [text] of REFUSED)
      assert.deepEqual(
        (await pilot.validate(text)).map(({ valid }) => valid),
        [true],
        text,
      );
  } finally {
    pilot.close();
  }
});

const PLACES: readonly (readonly [text: string, place: string])[] = [
  [`# a\n%YAML 1.1\n${head}`, '2:1'],
  [annotated('{a: "\\ud83d\\ude00"}'), '3:39'],
  [annotated(`{b: c, ${'a'.repeat(1025)}: b}`), '3:41'],
  [annotated('{a\n: b}'), '3:35'],
  [annotated('[a?b]'), '3:36'],
  [annotated('&a.b {}'), '3:35'],
  [annotated('{a: !b#c d}'), '3:38'],
  [`${head}  subsets: [\n\ta]\n   \t\n  b: c\n`, '8:4'],
  [`${head}  x: |\n    \ta\n`, '7:5'],
  [`${head}  x:\n  -\tb\n`, '7:4'],
  [`...\n${head}`, '1:1'],
  [annotated('{a: !!int 1.0}'), '3:44'],
];

test('parse() tells where the YAML is that Istio does not take', () => {
  for (const [text, place] of PLACES) {
    const [issue] = parse(text).issues;
    assert.equal(`${issue?.line}:${issue?.column}`, place, `${text}: ${issue?.message}`);
  }
});

test('parse() says what is wrong on the line of a separator, and with marks and blanks before one', () => {
  const said = (text: string): (string | undefined)[] =>
    parse(text).issues.map(({ line, column, message }) => `${line}:${column} ${/^[^:]*/.exec(message)}`);
  assert.deepEqual(said(`---# a\n${head}`), ['1:4 Cannot read text on the line of the separator "---"']);
  assert.deepEqual(said(`${head}---# a\n`), []);
  assert.deepEqual(said(`${head}--- # a\n---# a\n`), [
    '7:4 Cannot read text on the line of the separator "---"',
  ]);
  assert.deepEqual(said(`---  a\n${head}`), ['1:6 Cannot read text on the line of the separator "---"']);
  assert.deepEqual(said(`# a\n ---\n${head}`).length, 1);
  assert.deepEqual(said(` ---\n${head}`), ['1:2 Cannot read "---" here']);
  assert.deepEqual(said(`${head}\uFEFF---\n`), ['6:1 Cannot read the byte order mark (U+FEFF) here']);
  const { resources } = parse(`\uFEFF${head}---\n\uFEFF${head.replace('name: a', 'name: b')}`);
  assert.deepEqual(
    resources.map(({ metadata, source }) => [metadata.name, source?.position([])]),
    [
      ['a', { line: 1, column: 1 }],
      ['b', { line: 7, column: 1 }],
    ],
  );
});

test('parse() passes over comments that no blank stands before, as deep as they may be, in bounded time', () => {
  const text = `${head}  exportTo: ['a'# ]\n  ,"b"#: c\n  ]# {\n  subsets: [{name: b}# c\n,# d\n{name: c}]`;
  const { resources, issues } = parse(text);
  assert.deepEqual(issues, []);
  assert.deepEqual(JSON.parse(JSON.stringify(resources[0]!.spec)), {
    host: 'a',
    exportTo: ['a', 'b'],
    subsets: [{ name: 'b' }, { name: 'c' }],
  });
  assert.deepEqual(resources[0]!.source?.position(['spec', 'subsets', 1, 'name']), { line: 11, column: 8 });
  const [issue] = parse(`${head}  exportTo: [\n${'  "a",# b\n'.repeat(100_000)}  ]\n`).issues;
  assert.equal(issue?.code, 'yaml-syntax');
});

test('parse() finds the places of what stands left of the block that it is in', () => {
  const text = head.replace(
    'host: a',
    'host: "a\nb"\n  subsets: [\n{name: b}, # c\n  {\nname: c}\n  ]\n  exportTo: [a, d]',
  );
  const { resources, issues } = parse(text);
  assert.deepEqual(issues, []);
  const { spec, source } = resources[0]!;
  assert.deepEqual(JSON.parse(JSON.stringify(spec)), {
    host: 'a b',
    subsets: [{ name: 'b' }, { name: 'c' }],
    exportTo: ['a', 'd'],
  });
  assert.deepEqual(source?.position(['spec', 'subsets', 0, 'name']), { line: 8, column: 8 });
  assert.deepEqual(source?.position(['spec', 'subsets', 1, 'name']), { line: 10, column: 7 });
  assert.deepEqual(source?.position(['spec', 'exportTo', 1]), { line: 12, column: 17 });
});

test('parse() reads a large document whose brackets stand too far left, or refuses it, in bounded time', () => {
  const lines = (count: number): string => `${head}  subsets: [\n${'{name: b},\n'.repeat(count)}]\n`;
  assert.equal(parse(lines(100)).resources.length, 1);
  const [issue] = parse(lines(100_000)).issues;
  assert.equal(issue?.code, 'yaml-syntax');
});

/** What sigs.k8s.io/yaml v1.6.0 (YAMLToJSONStrict) made of generated texts: the value as JSON, or why it has none. */
const recorded: readonly { readonly text: string; readonly value?: unknown; readonly refused?: string }[] =
  JSON.parse(readFileSync(new URL('../../fixture/yaml/recorded.json', import.meta.url), 'utf8'));

test("readDocuments() reads generated texts as Kubernetes' reader did, and refuses what it refused", () => {
  for (const { text, value, refused } of recorded) {
    const [document] = readDocuments(text, '-').documents;
    if (refused !== undefined)
      assert.ok((document?.issues.length ?? 0) > 0, `${JSON.stringify(text)}: ${refused}`);
    else {
      assert.deepEqual(document?.issues ?? [], [], text);
      assert.deepEqual(JSON.parse(JSON.stringify(document?.value ?? null)), value, text);
    }
  }
  assert.equal(recorded.length, 400);
});
