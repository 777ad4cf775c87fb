import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../program.ts';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: true;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Locked>>;
};

test('package-lock.json holds the packages of every platform, as npm ci wants', () => {
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).filter(
      (name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
    ),
  );
  assert.deepEqual(missing, []);
});

test('package-lock.json pins each package by version and checksum, and names no registry', () => {
  for (const [path, { version, integrity, resolved, link }] of Object.entries(packages)) {
    // The clone itself, its workspaces, and the links to those.
    if (!path.includes('node_modules/') || link) continue;
    assert.ok(version && integrity, path);
    assert.equal(resolved, undefined, path);
  }
});
