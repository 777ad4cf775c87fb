import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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

test('openAccessLog() goes on in a new file where the one before was moved away', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'access-log-'));
  const path = join(folder, 'requests.log');
  const opened = openAccessLog('text', path, quiet)!;
  opened.options.write('one\n');
  while (readFileSync(path, 'utf8') === '') await new Promise((done) => setTimeout(done, 20));
  renameSync(path, `${path}.1`);
  opened.options.write('two\n');
  await opened.close();
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\n');
  assert.equal(readFileSync(path, 'utf8'), 'two\n');
  rmSync(folder, { recursive: true });
});

test('openAccessLog() says once why lines are lost, goes on when they can be written, and says how many were', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'access-log-'));
  const path = join(folder, 'requests.log');
  const told: string[] = [];
  const opened = openAccessLog('text', path, (_level, message) => told.push(message))!;
  const untilTold = async (count: number) => {
    while (told.length < count) await new Promise((done) => setTimeout(done, 20));
  };
  rmSync(path);
  // What stands there now takes no line, whoever writes.
  mkdirSync(path);
  opened.options.write('one\n');
  await untilTold(1);
  assert.match(told[0]!, /^Cannot write the access log to ".*requests\.log", its lines are lost: /);
  opened.options.write('two\nthree\n');
  await new Promise((done) => setTimeout(done, 600));
  assert.equal(told.length, 1);
  rmSync(path, { recursive: true });
  opened.options.write('four\n');
  await opened.close();
  assert.match(readFileSync(path, 'utf8'), /four\n$/);
  assert.match(told[1]!, /^[13] lines of the access log were lost$/);
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
