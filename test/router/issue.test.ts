import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIssue, formatPath, type Issue } from '../../router/issue.ts';

const issue: Issue = {
  code: 'weight-sum',
  severity: 'error',
  message: 'Cannot split traffic in spec.http[0].route: total weight is 0',
  file: 'reviews.yaml',
  line: 14,
  column: 5,
  excerpt: '    route:',
};

test('formatIssue() prints place, code and message, and a caret under the place', () => {
  const want = `reviews.yaml:14:5 weight-sum: Cannot split traffic in spec.http[0].route: total weight is 0
14 |     route:
         ^`;
  assert.equal(formatIssue(issue), want);
});

test('formatIssue() marks warnings and does without a place', () => {
  assert.equal(
    formatIssue({ code: 'deprecated', severity: 'warning', message: 'Old' }),
    'deprecated (warning): Old',
  );
});

test('formatIssue() names the resource where there is no file', () => {
  const resource = { kind: 'VirtualService', namespace: 'shop', name: 'reviews' };
  assert.equal(
    formatIssue({ code: 'regex', severity: 'error', message: 'Cannot use it', resource }),
    'VirtualService shop/reviews regex: Cannot use it',
  );
  assert.match(formatIssue({ ...issue, resource }), /^reviews\.yaml:14:5 weight-sum: /);
});

test('formatIssue() cuts long lines around the place and keeps the caret under it', () => {
  const excerpt = `${'a'.repeat(500)}!${'b'.repeat(500)}`;
  const [, line = '', caret = ''] = formatIssue({ ...issue, column: 501, excerpt }).split('\n');
  assert.ok(line.length < 120);
  assert.equal(line[caret.length - 1], '!');
});

test('formatIssue() lets nothing in the text drive the terminal', () => {
  const text = formatIssue({ ...issue, message: 'a\u001b[31mb', excerpt: '\tx\u001b]0;c\u0007' });
  for (const character of ['\u001b', '\u0007', '\t']) assert.ok(!text.includes(character));
});

test('formatIssue() colours only when asked to', () => {
  assert.ok(formatIssue(issue, { color: true }).includes('\u001b[31m'));
});

test('formatPath() writes paths as people do', () => {
  assert.equal(
    formatPath(['spec', 'http', 0, 'match', 1, 'headers', 'x-a.b', 'exact']),
    'spec.http[0].match[1].headers["x-a.b"].exact',
  );
  assert.equal(formatPath([]), '');
});
