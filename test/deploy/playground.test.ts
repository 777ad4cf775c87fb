/** The playground without a browser: what it answers, and that its page is one file that asks for nothing. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compare, explain, judge } from '../../deploy/playground/answer.ts';
import { root } from '../program.ts';

const read = (file: string): string => readFileSync(join(root, 'deploy/istio', file), 'utf8');
const rules = read('virtualservice.yaml');
const canary = read('scenarios/canary-90-10.yaml');
const subsets = read('destinationrule.yaml');
const ask = (given: object) => ({
  method: 'GET',
  url: 'http://dubbo-go-server/',
  headers: 'User: admin',
  ...given,
});

const verdicts = [
  { name: 'good rules', text: `${rules}---\n${subsets}`, want: /^2 valid resources$/, errors: 0 },
  { name: 'one good rule', text: subsets, want: /^1 valid resource$/, errors: 0 },
  { name: 'nothing', text: '', want: /^0 valid resources$/, errors: 0 },
  {
    name: 'a typo',
    text: rules.replace('exact:', 'exactly:'),
    want: /^rules.yaml:14:15 unknown-field: .*did you mean "exact"/m,
    errors: 1,
  },
  {
    name: 'a rule that lint proves dead',
    text: rules.replace(/match:[\s\S]*?route:/, 'route:'),
    want: /rule-never-taken/,
    errors: 0,
  },
  {
    name: 'a name that only an API server refuses',
    text: rules.replace('name: dubbo-go-server', 'name: Dubbo_go'),
    want: /^rules.yaml:5:9 cluster-refuses: Cannot use "Dubbo_go" as name/,
    errors: 1,
  },
  { name: 'no YAML', text: 'a: [', want: /^rules.yaml:1:/, errors: 1 },
];
for (const { name, text, want, errors } of verdicts)
  test(`judge() says of ${name} what check says`, () => {
    const side = judge(text, 'rules.yaml');
    assert.match(side.verdict, want);
    assert.equal(side.errors > 0, errors > 0);
  });

const answers = [
  {
    name: 'headers in any case, blank lines and all',
    given: { headers: '\nUser:  admin \n\n' },
    want: /subset v2/,
  },
  { name: 'no header', given: { headers: '' }, want: /subset v1/ },
  { name: 'no method as GET', given: { method: ' ' }, want: /sent as GET \// },
  {
    name: 'a line that is no header',
    given: { headers: 'user admin' },
    want: /^Cannot read the header "user admin"/,
  },
  { name: 'a method that is none', given: { method: 'GE T' }, want: /^Cannot read the method "GE T"/ },
  { name: 'a URL that is none', given: { url: 'http://' }, want: /^Cannot read the URL "http:\/\/"/ },
];
for (const { name, given, want } of answers)
  test(`explain() takes ${name}`, () => {
    assert.match(explain(judge(rules, 'rules.yaml'), ask(given)), want);
  });

test('compare() tells which requests move, proves that none does, and compares no broken rules', () => {
  const before = judge(rules, 'rules.yaml');
  const moves = compare(before, judge(canary, 'changed.yaml'));
  assert.match(moves, /requests with header user = "admin"\n {2}90 % of them go to v1 instead of v2/);
  assert.match(moves, /2 sets of requests move/);
  assert.match(compare(before, judge(rules, 'changed.yaml')), /^no request changes/);
  assert.match(compare(before, judge('a: [', 'changed.yaml')), /^Not compared/);
});

test('the page runs its own script alone and names nothing outside of itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-playground-'));
  try {
    const path = join(folder, 'playground.html');
    execFileSync(join(root, 'node_modules/.bin/bun'), [join(root, 'deploy/playground/generate.ts'), path]);
    const page = readFileSync(path, 'utf8');
    assert.ok(page.length < 700_000, `it has grown to ${page.length} characters`);
    const [, policy = ''] = /content="(default-src 'none';[^"]*)"/.exec(page) ?? [];
    const [, script = ''] = /<script type="module">([\s\S]*?)<\/script>/.exec(page) ?? [];
    const hash = createHash('sha256').update(script).digest('base64');
    assert.ok(policy.includes(`script-src 'sha256-${hash}';`), policy);
    assert.doesNotMatch(policy, /unsafe|connect-src|https?:/);
    assert.doesNotMatch(page, /<(?:script|link|img|iframe)[^>]* (?:src|href)="(?!data:)/);
    for (const foreign of [
      /["'`]node:[a-z]/,
      /\bfetch\(/,
      /\bXMLHttpRequest\b/,
      /\bWebSocket\b/,
      /\bsendBeacon\b/,
      /\bimport\(/,
      /\brequire\(/,
    ])
      assert.doesNotMatch(script, foreign);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
