/**
 * Makes `dist/`, what the npm package consists of: JavaScript and declarations, as Node strips no types below
 * node_modules, and the files that commands read. npm runs it before it packs (`prepack`); a clone needs none of it.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const dist = join(root, 'dist');

/** What commands read at run time and what editors read, below the same path as in a clone. */
const ASSETS = ['deploy/istio', 'cli/template', 'schema/istio-rules.json', 'schema/route-test.json'];

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'deploy/npm'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
for (const path of ASSETS) cpSync(join(root, path), join(dist, path), { recursive: true });

// The compiler copies package.json, for the versions in it; a second copy of the rest would only mislead.
const { version, dependencies, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<string, unknown>;
const kept = { type: 'module', version, dependencies, devDependencies };
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(kept, undefined, 2)}\n`);

const main = join(dist, 'cli/main.js');
writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*/, '#!/usr/bin/env node'));
chmodSync(main, 0o755);
