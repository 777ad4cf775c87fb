import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAccessLog } from '../../cli/access-log.ts';
import type { Log } from '../../cli/log.ts';

const quiet: Log = () => {};

test('openAccessLog() appends lines to a file, all of them by the time that it is closed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'access-log-'));
  const path = join(folder, 'requests.log');
  writeFileSync(path, 'before\n');
  const opened = openAccessLog('text', path, quiet)!;
  // More than is handed on at once.
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
  for (const line of lines) opened.options.write(line);
  await opened.close();
  assert.equal(readFileSync(path, 'utf8'), `before\n${lines.join('')}`);
  rmSync(folder, { recursive: true });
});

test('openAccessLog() is nothing where none is asked for', () => {
  assert.equal(openAccessLog(undefined, undefined, quiet), undefined);
});

const wrong = [
  {
    name: 'a command that is not known',
    args: ['%NOPE%', undefined],
    exitCode: 2,
    message: /^Cannot log %NOPE%/,
  },
  { name: 'a file without a format', args: [undefined, 'x.log'], exitCode: 2, message: /give --access-log/ },
  {
    name: 'a file that cannot be opened',
    args: ['json', '/none/such.log'],
    exitCode: 1,
    message: /^Cannot log requests to "\/none\/such.log": ENOENT|No such file/,
  },
] as const;
for (const { name, args, exitCode, message } of wrong)
  test(`openAccessLog() refuses ${name}`, () => {
    assert.throws(() => openAccessLog(args[0], args[1], quiet), {
      name: 'CommandFailure',
      exitCode,
      message,
    });
  });
