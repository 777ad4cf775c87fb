/** What an edge bundle of the gateway holds: everything that is imported from its door, short of what is loaded when asked for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

/** Files and packages that `entry` reaches by static imports of values. */
function reach(entry: string): { readonly files: Set<string>; readonly packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    const text = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, clause = '', target = ''] of text.matchAll(
      /^(?:import|export)\s([^'"]*?from\s*)?['"]([^'"]+)['"]/gm,
    )) {
      if (clause.startsWith('type ')) continue;
      if (target.startsWith('.')) visit(relative(root, join(root, dirname(path), target)));
      else packages.add(target);
    }
  };
  visit(entry);
  return { files, packages };
}

test('gateway/index.ts reaches no module of node and no socket, so that it runs on edges', () => {
  const { files, packages } = reach('gateway/index.ts');
  assert.ok(files.has('upstream/pool.ts') && files.has('router/index.ts'), 'imports are followed');
  assert.deepEqual(
    [...packages].filter((name) => name.startsWith('node:') || name === 'bun'),
    [],
  );
  assert.deepEqual(
    ['upstream/remote.ts', 'gateway/listener/node.ts', 'gateway/telemetry/prometheus.ts'].filter((path) =>
      files.has(path),
    ),
    [],
  );
});
