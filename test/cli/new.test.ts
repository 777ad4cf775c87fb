import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pointsman } from './program.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pointsman-new-'));
after(() => rmSync(scratch, { recursive: true }));

async function runNew(
  ...args: string[]
): Promise<{ readonly code: number | string; readonly output: string }> {
  const { code, stdout, stderr } = await pointsman(args, { cwd: scratch });
  return { code, output: stdout + stderr };
}

test('new app writes the name that was given, in each spelling, and pinned versions', async () => {
  const { code, output } = await runNew('new', 'app', 'shop-cart', '--json');
  assert.equal(code, 0, output);
  const { files } = JSON.parse(output) as { files: string[] };
  const read = (path: string) => readFileSync(join(scratch, 'shop-cart', path), 'utf8');
  assert.ok(files.includes('proto/shop_cart/v1/shop_cart.proto') && files.includes('.gitignore'));
  for (const path of files) {
    assert.doesNotMatch(read(path), /app-name|app_name|AppName/, path);
    if (path.endsWith('.ts')) assert.doesNotMatch(read(path), /from '\.[^']*(?<!\.ts)'/, path);
  }
  assert.match(
    read('proto/shop_cart/v1/shop_cart.proto'),
    /package shop_cart\.v1;\n\nservice ShopCartService \{/,
  );
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    assert.match(version, /^\d+\.\d+\.\d+$/, name);

  const checked = await runNew('check', 'shop-cart/rules');
  assert.equal(checked.code, 0, checked.output);
  assert.match(checked.output, /2 valid resources, 0 errors, 0 warnings/);
});

test('new app tells of a workspace above it', async () => {
  writeFileSync(join(scratch, 'package.json'), '{"workspaces":["packages/*"]}');
  const { code, output } = await runNew('new', 'app', 'packages/billing');
  assert.equal(code, 0, output);
  assert.match(output, /made billing in packages\/billing: .*package\.json has workspaces/s);
  assert.ok(existsSync(join(scratch, 'packages/billing/main.ts')));
});

test('new app minds no package.json above it that is none', async () => {
  for (const text of ['{oops', '"text"', 'null']) {
    const above = mkdtempSync(join(scratch, 'above-'));
    writeFileSync(join(above, 'package.json'), text);
    const { code, output } = await runNew('new', 'app', join(above, 'billing'));
    assert.equal(code, 0, output);
    assert.match(output, /made billing in .*: \d+ files/);
  }
});

test('new app overwrites nothing, and wants a name that rules can have', async () => {
  mkdirSync(join(scratch, 'taken'));
  writeFileSync(join(scratch, 'taken/notes.txt'), 'mine');
  const cases: readonly [string, number, RegExp][] = [
    ['taken', 1, /Cannot make an app in "taken": it is not empty, it has notes\.txt; choose another name/],
    ['MyShop', 2, /Cannot name an app "MyShop": .*for example my-shop/],
    ['a--b', 2, /Cannot name an app "a--b": .*for example a-b/],
  ];
  for (const [name, code, message] of cases) {
    const ended = await runNew('new', 'app', name);
    assert.equal(ended.code, code, ended.output);
    assert.match(ended.output, message);
  }
  assert.deepEqual(readdirSync(join(scratch, 'taken')), ['notes.txt']);
});
