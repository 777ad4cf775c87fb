import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ISSUE_CODES, LINT_CODES } from '../../router/index.ts';
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
      for (const [, issue = '', request = ''] of checked.stdout.matchAll(
        /^(rules\.yaml:.*never taken.*)\n(?:.*\n){2}for example: curl (.*)$/gm,
      )) {
        const explained = await pointsman(['explain', 'rules.yaml', '--', ...request.split(' ')], {
          cwd: folder,
        });
        const taken = /✓ \S+ \S+ http(\S+)/.exec(explained.stdout)?.[1];
        // `http[0].match[1]` is among those that take its requests, the lost one is not.
        assert.ok(
          taken !== undefined && issue.includes(` spec.http${taken} (line `),
          `${issue}\n${explained.stdout}`,
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function trimmed(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}
