import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ISSUE_CODES, LINT_CODES } from '../../router/index.ts';
import { pasted } from '../pasted.ts';
import { root } from '../program.ts';
import { pointsman } from './program.ts';

interface Section {
  readonly code: string;
  readonly text: string;
  readonly yaml?: string;
  /** What the command prints, without the command. */
  readonly output?: string;
}

const sections: readonly Section[] = readFileSync(join(root, 'docs/lint.md'), 'utf8')
  .split(/^#{2,3} /m)
  .slice(1)
  .map((section) => {
    const [code = '', ...lines] = section.split('\n');
    const text = lines.join('\n');
    const yaml = /^```yaml\n([\s\S]*?)^```/m.exec(text)?.[1];
    const output = /^```console\n\$ pointsman check rules\.yaml\n([\s\S]*?)^```/m.exec(text)?.[1];
    return { code, text, ...(yaml !== undefined && { yaml }), ...(output !== undefined && { output }) };
  });

/** Codes whose sections have an example request. */
const shown: string[] = [];

/** `http[0].match[1]` of the rule that is taken, as explain prints it; undefined for none. */
const takenIn = (explained: string): string | undefined => /✓ \S+ \S+ http(\S+)/.exec(explained)?.[1];

/** Asserts that what explain prints of an example shows what the issue claims. */
const SHOWS: Readonly<Record<string, (issue: string, explained: string) => void>> = {
  'rule-never-taken': takenByAnother,
  'match-never-taken': takenByAnother,
  'host-conflict': (_, explained) => assert.match(explained, /✓ VirtualService default\/reviews http/),
  'subset-missing': (_, explained) => assert.match(explained, /503 \(NC\)/),
  'regex-plain': (_, explained) => assert.equal(takenIn(explained), '[0].match[0]'),
  'envoy-refuses': (_, explained) => assert.equal(takenIn(explained), '[0].match[0]'),
  'header-format': (_, explained) => assert.equal(takenIn(explained), '[0]'),
  'delegate-not-found': (_, explained) => assert.equal(takenIn(explained), '[1]'),
  'delegate-not-visible': (_, explained) => assert.match(explained, /made without a rule/),
  'delegate-match-conflict': (_, explained) => assert.match(explained, /made without a rule/),
};

/** The rule or match that takes the request is among those that the issue names with a line, so not the lost one. */
function takenByAnother(issue: string, explained: string): void {
  const taken = takenIn(explained);
  assert.ok(taken !== undefined && issue.includes(` spec.http${taken} (line `), `${issue}\n${explained}`);
}

test('docs/lint.md has an entry for every code, and an example for every one of lint', () => {
  const entries = new Map(sections.map((section) => [section.code, section]));
  for (const [code, sentence] of Object.entries(ISSUE_CODES)) {
    assert.ok(entries.get(code)?.text.trimStart().startsWith(sentence), `${code}: ${sentence}`);
  }
  for (const code of LINT_CODES) assert.ok(entries.get(code)?.output?.includes(` ${code} `), code);
});

for (const { code, yaml, output } of sections) {
  if (yaml === undefined) continue;
  test(`docs/lint.md shows for ${code} what check prints, and its requests go where it says`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pointsman-docs-'));
    try {
      writeFileSync(join(folder, 'rules.yaml'), yaml);
      const checked = await pointsman(['check', 'rules.yaml'], { cwd: folder });
      assert.equal(trimmed(checked.stdout), trimmed(output ?? ''));
      assert.match(checked.stdout, new RegExp(`^rules\\.yaml:\\d+:\\d+ ${code}[ :]`, 'm'));
      for (const [, issue = '', line = ''] of checked.stdout.matchAll(
        /^(rules\.yaml:\d+:\d+ [\s\S]*?)\n(?:.*\n){2}for example: (.*)$/gm,
      )) {
        shown.push(code);
        const { options, request } = pasted(line);
        const explained = await pointsman(['explain', 'rules.yaml', ...options, '--', ...request], {
          cwd: folder,
        });
        assert.equal(explained.code, 0, explained.stderr);
        assert.ok(SHOWS[code], `what an example of ${code} shows is told here`);
        SHOWS[code](issue, explained.stdout);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('docs/lint.md has a request for every code that a request can show', () => {
  assert.deepEqual([...new Set(shown)].sort(), Object.keys(SHOWS).sort());
});

function trimmed(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}
