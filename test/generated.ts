/** Fails when `gen/` is not what buf makes of `proto/` now. Run by `npm run check`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const fresh = mkdtempSync(join(tmpdir(), 'pointsman-generated-'));
const { status } = spawnSync('buf', ['generate', '--output', fresh], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(1);

const read = (folder: string) =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]),
  );
const [committed, made] = [read(join(root, 'gen')), read(join(fresh, 'gen'))];
rmSync(fresh, { recursive: true });
const stale = [...new Set([...committed.keys(), ...made.keys()])].filter(
  (path) => committed.get(path) !== made.get(path),
);
if (made.size === 0 || stale.length > 0) {
  console.error(
    `gen/ is not what proto/ makes: ${stale.join(', ') || 'nothing was generated'}; run npm run generate`,
  );
  process.exit(1);
}
