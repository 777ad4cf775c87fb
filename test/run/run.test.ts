import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../program.ts';
import { root } from './plan.ts';

const HEAD = "import { test } from 'node:test';\n";
const FILES: Readonly<Record<string, string>> = {
  'good.test.ts': `${HEAD}test('good() passes', () => {});\n`,
  'bad.test.ts': `${HEAD}test('bad() fails', () => { throw new Error('why it failed'); });\n`,
  'crash.test.ts': `${HEAD}test('crash() ends all', () => { process.kill(process.pid, 'SIGKILL'); });\n`,
  // Blocks its thread, so that no timer of the test command can end it.
  'hang.test.ts': `${HEAD}test('hang() never yields', () => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });\n`,
  // Like a peer whose end nobody has ordered.
  'leave.test.ts': `${HEAD}import { spawn } from 'node:child_process';
test('leave() passes', () => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  child.unref();
  console.log('left ' + child.pid);
  throw new Error('printed only where a test fails');
});\n`,
};
/** Far more than the others take. */
const LIMIT_SECONDS = '6';

/** What the runner prints for some of the files, on Bun. */
async function runOn(...names: readonly string[]): Promise<{ code: number | string; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-run-'));
  try {
    const files = names.map((name) => join(folder, name));
    for (const [index, file] of files.entries()) writeFileSync(file, FILES[names[index]!]!);
    const bun = join(root, 'node_modules/.bin/bun');
    return await run(bun, ['test/run.ts', '--runtime', 'bun', '--limit', LIMIT_SECONDS, ...files]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the runner exits 1 and says which test failed and why', async () => {
  const { code, output } = await runOn('good.test.ts', 'bad.test.ts');
  assert.equal(code, 1);
  assert.match(output, /failed: bad\(\) fails/);
  assert.match(output, /why it failed/);
  assert.match(output, /\n1 passed, 1 failed, 0 skipped\n$/);
});

test('the runner says which file ends its process, and counts what the others have', async () => {
  const { code, output } = await runOn('good.test.ts', 'crash.test.ts');
  assert.equal(code, 1);
  assert.match(output, /failed: \S*crash\.test\.ts crashed, or came to no end/);
  assert.match(output, /\n1 passed, 1 failed, 0 skipped\n$/);
});

test('the runner ends a test that never yields, says which file it is in, and counts what the others have', async () => {
  const { code, output } = await runOn('good.test.ts', 'hang.test.ts');
  assert.equal(code, 1);
  assert.match(output, /came to no end; now each file by itself/);
  assert.match(output, /failed: \S*hang\.test\.ts crashed, or came to no end/);
  assert.match(output, new RegExp(`Ended after ${LIMIT_SECONDS} seconds`));
  assert.match(output, /\n1 passed, 1 failed, 0 skipped\n$/);
});

test('the runner exits 0 when all have passed', async () => {
  const { code, output } = await runOn('good.test.ts');
  assert.deepEqual([code, /\n1 passed, 0 failed, 0 skipped\n$/.test(output)], [0, true], output);
});

test('the runner ends what a test file has left running', async () => {
  const { output } = await runOn('leave.test.ts');
  const left = Number(/left (\d+)/.exec(output)?.[1]);
  assert.ok(left > 0, output);
  // Until it is gone, or is but a name that nobody has asked for: the test's own limit says when that is too late.
  while (/^[^Z\s]/.test((await run('ps', ['-o', 'stat=', '-p', String(left)])).output))
    await new Promise((done) => setTimeout(done, 50));
});
