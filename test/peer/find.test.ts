import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { findPeer, skipWithout } from './find.ts';

/** Runs `use` in a folder of its own, with only the given variables changed, and puts all back. */
function withFolder(use: (folder: string, set: (name: string, value: string) => void) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'find-peer-'));
  const before = new Map<string, string | undefined>();
  const set = (name: string, value: string) => {
    if (!before.has(name)) before.set(name, process.env[name]);
    process.env[name] = value;
  };
  try {
    set('PEERS_HOME', join(folder, 'peers'));
    use(folder, set);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    rmSync(folder, { recursive: true });
  }
}

function writeProgram(...path: string[]): string {
  const file = join(...path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

test('findPeer() looks at the variable, the PATH and the cache, in this order', () => {
  withFolder((folder, set) => {
    assert.equal(findPeer('no-such-peer'), undefined);
    writeProgram(folder, 'peers', 'no-such-peer', 'v1.9.4-a', 'bin', 'no-such-peer');
    const cached = writeProgram(folder, 'peers', 'no-such-peer', 'v1.10.0-b', 'bin', 'no-such-peer');
    assert.equal(findPeer('no-such-peer'), cached);
    const onPath = writeProgram(folder, 'path', 'no-such-peer');
    set('PATH', [join(folder, 'path'), process.env['PATH']].join(delimiter));
    assert.equal(findPeer('no-such-peer'), onPath);
    const named = writeProgram(folder, 'named');
    set('NO_SUCH_PEER', named);
    assert.equal(findPeer('no-such-peer'), named);
    set('NO_SUCH_PEER', join(folder, 'nothing'));
    assert.throws(() => findPeer('no-such-peer'), /NO_SUCH_PEER='.*nothing' is not a program/);
  });
});

test('skipWithout() says how to get what is not there', () => {
  withFolder((folder) => {
    assert.equal(
      skipWithout('no-such-peer'),
      'no-such-peer is not installed; test/peer/install.sh no-such-peer gets it',
    );
    writeProgram(folder, 'peers', 'no-such-peer', 'v1', 'bin', 'no-such-peer');
    assert.equal(skipWithout('no-such-peer'), false);
  });
});
