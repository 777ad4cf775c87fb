import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pointsman } from './program.ts';

test("graph prints Mermaid, and draws by the output file's ending", async () => {
  const { code, stdout } = await pointsman(['graph', 'deploy/istio']);
  assert.equal(code, 0);
  assert.match(stdout, /^flowchart LR\n {2}h0\(\["dubbo-go-server"\]\)\n/);
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-graph-'));
  try {
    const file = join(folder, 'rules.svg');
    const written = await pointsman(['graph', 'deploy/istio', '-o', file]);
    assert.equal(written.stdout, '');
    assert.match(await readFile(file, 'utf8'), /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
