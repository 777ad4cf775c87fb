import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HTTP1_LIMITS } from '../../../wire/http1/limit.ts';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
const page = read('docs/http1-connection.md');

/** Names of a union of texts in a source file. */
function membersOf(file: string, type: string): string[] {
  const [, body = ''] = new RegExp(`export type ${type} =([^;]*);`).exec(read(file)) ?? [];
  return [...body.matchAll(/\| '(\w+)'/g)].map(([, name]) => name!).sort();
}

test('docs/http1-connection.md draws the states of the code', () => {
  const diagrams = [...page.matchAll(/```mermaid\n([\s\S]*?)```/g)].map(([, text = '']) =>
    [...new Set([...text.matchAll(/^ {2}(\w+) -->/gm)].map(([, name]) => name!))].sort(),
  );
  assert.deepEqual(diagrams, [
    membersOf('wire/http1/server.ts', 'ServerState'),
    membersOf('wire/http1/client.ts', 'ClientState'),
  ]);
});

test('docs/http1-connection.md names every limit', () => {
  const named = [...page.split('## Limits')[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!);
  assert.deepEqual(named.sort(), Object.keys(HTTP1_LIMITS).sort());
});
