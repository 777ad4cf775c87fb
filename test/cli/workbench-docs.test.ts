import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, run } from '../program.ts';

// One runtime will do: the commands have their own tests on all.
const skip = process.versions['bun'] === undefined && 'Bun runs what the page shows';

for (const page of ['docs/workbench.md', 'README.md']) {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = [...text.matchAll(/^```console\n\$ pointsman (.*)\n([^$]*?)^```$/gm)];
  test(`${page} shows what its commands print`, {
    skip: blocks.length === 0 ? 'it shows none' : skip,
  }, async () => {
    for (const [, command = '', shown] of blocks) {
      const line = `"${process.execPath}" cli/main.ts ${command} 2>/dev/null`;
      const { output } = await run('sh', ['-c', line], { cwd: root });
      assert.equal(output.replaceAll(/\s+$/g, ''), shown!.replaceAll(/\s+$/g, ''), command);
    }
  });
}
