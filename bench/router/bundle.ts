/**
 * The size of `router/route` as an edge bundle holds it, which decides by a table made elsewhere: minified, and
 * compressed.
 *
 *     bun bench/router/bundle.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'pointsman-bundle-'));
const bundle = join(folder, 'route.js');
const bun = join(root, 'node_modules/.bin/bun');
const built = spawnSync(
  bun,
  ['build', join(root, 'router/route/index.ts'), '--minify', '--target=browser', `--outfile=${bundle}`],
  { encoding: 'utf8' },
);
if (built.status !== 0) throw new Error(`Cannot bundle router/route: ${built.stderr}`);
const text = readFileSync(bundle);
rmSync(folder, { recursive: true });
console.log(
  `router/route: ${(text.length / 1000).toFixed(1)} kB minified, ${(gzipSync(text).length / 1000).toFixed(1)} kB gzip`,
);
