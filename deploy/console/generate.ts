/**
 * Makes `gateway/admin/console/asset.ts` of what the console's page loads, so that the package and the compiled program
 * carry it as code and no file has to be found at run time. With `--check` it fails where the committed one is another.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a page may load before it answers to a key. */
const MAX_SCRIPT_BYTES = 150_000;

const folder = join(import.meta.dirname, '../../gateway/admin/console');
const script = execFileSync(
  join(import.meta.dirname, '../../node_modules/.bin/bun'),
  ['build', '--minify', '--target=browser', join(folder, 'browser/main.ts')],
  { encoding: 'utf8' },
);
if (script.length > MAX_SCRIPT_BYTES)
  throw new RangeError(
    `Cannot take a script of ${script.length} bytes: the console has at most ${MAX_SCRIPT_BYTES}`,
  );
const style = readFileSync(join(folder, 'browser/style.css'), 'utf8');
const text = [
  '/** Made by deploy/console/generate.ts of browser/; never edited. */\n',
  `/** The page's script, a module. */\nexport const SCRIPT: string = ${JSON.stringify(script)};\n`,
  `/** The page's style sheet. */\nexport const STYLE: string = ${JSON.stringify(style)};\n`,
].join('\n');
const path = join(folder, 'asset.ts');
if (!process.argv.includes('--check')) writeFileSync(path, text);
else if (readFileSync(path, 'utf8') !== text) {
  console.error('gateway/admin/console/asset.ts is not what browser/ makes: run npm run generate:console');
  process.exit(1);
}
