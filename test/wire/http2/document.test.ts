import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_HTTP2_LIMITS } from '../../../wire/http2/limit.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');
const page = read('docs/http2-connection.md');
const [connection = '', stream = ''] = [...page.matchAll(/```mermaid\n([\s\S]*?)```/g)].map(
  ([, drawing = '']) => drawing,
);

/** The states of a drawing: each end of each arrow, by its full name. */
function drawn(drawing: string): string[] {
  const names = new Map(
    [...drawing.matchAll(/state "([^"]+)" as (\w+)/g)].map(([, name, short]) => [short!, name!]),
  );
  const ends = [...drawing.matchAll(/^ {2}(\S+) --> ([^\s:]+)/gm)].flatMap(([, from, to]) => [from!, to!]);
  return [...new Set(ends)]
    .filter((end) => end !== '[*]')
    .map((end) => names.get(end) ?? end)
    .sort();
}

/** The members of a type of literals, read from its source. */
function members(path: string, type: string): string[] {
  const declared = new RegExp(`export type ${type} =([\\s\\S]*?);`).exec(read(path))?.[1] ?? '';
  return [...declared.replaceAll(/\/\*\*[\s\S]*?\*\//g, '').matchAll(/'([^']+)'/g)]
    .map(([, name]) => name!)
    .sort();
}

test('docs/http2-connection.md draws the states of the code', () => {
  assert.equal(members('wire/http2/connection.ts', 'ConnectionState').length, 4);
  assert.deepEqual(drawn(connection), members('wire/http2/connection.ts', 'ConnectionState'));
  assert.deepEqual(drawn(stream), members('wire/http2/stream.ts', 'StreamState'));
});

test('docs/http2-connection.md names every limit', () => {
  const names = new Set([...page.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual(
    Object.keys(DEFAULT_HTTP2_LIMITS).filter((name) => !names.has(name)),
    [],
  );
});
