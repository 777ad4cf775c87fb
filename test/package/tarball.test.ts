/**
 * The npm package as its users get it: packed, installed into an empty folder, and run by each runtime that can. Needs
 * a registry, and runs only when it is named: `npm run test:package`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, startAny } from '../program.ts';

/** Kept lines of Node. The package with a runtime's program is small, and the tools below are for this test alone. */
const NODE_LINES = ['22', '24', '26'];
const PUBLINT = 'publint@0.3.25';
const ARE_THE_TYPES_WRONG = '@arethetypeswrong/cli@0.18.5';

const scratch = mkdtempSync(join(tmpdir(), 'pointsman-package-'));
const consumer = join(scratch, 'consumer');
let tarball = '';
let files: readonly string[] = [];
/** Command lines that run a JavaScript or TypeScript file. */
const runners = new Map<string, readonly string[]>();

function run(command: readonly string[], cwd: string): { status: number | null; output: string } {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, NO_COLOR: '1', npm_config_update_notifier: 'false' },
  });
  return { status, output: `${stdout}${stderr}` };
}

function succeed(command: readonly string[], cwd: string): string {
  const { status, output } = run(command, cwd);
  assert.equal(status, 0, `${command.join(' ')}: ${output}`);
  return output;
}

before(() => {
  const packed = succeed(['npm', 'pack', '--json', '--silent', '--pack-destination', scratch], root);
  const [{ filename, files: listed }] = JSON.parse(packed.slice(packed.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  tarball = join(scratch, filename);
  files = listed.map(({ path }) => path);

  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{"name":"consumer","private":true,"type":"module"}');
  succeed(['npm', 'install', '--silent', '--no-audit', '--no-fund', tarball], consumer);
  cpSync(join(root, 'deploy/istio'), join(consumer, 'rules'), { recursive: true });

  const bin = join(root, 'node_modules/.bin');
  runners.set('Bun', [join(bin, 'bun')]);
  runners.set('Deno', [join(bin, 'deno'), 'run', '-A', '--no-check', '--quiet']);
  for (const line of NODE_LINES) {
    const place = join(scratch, `node-${line}`);
    mkdirSync(place);
    writeFileSync(join(place, 'package.json'), '{"private":true}');
    const name = `node-${process.platform}-${process.arch}`;
    succeed(['npm', 'install', '--silent', '--no-audit', '--no-fund', `${name}@${line}`], place);
    runners.set(`Node ${line}`, [join(place, 'node_modules', name, 'bin/node')]);
  }
});

after(() => rmSync(scratch, { recursive: true }));

test('the package has what its commands need and nothing of the tests', () => {
  for (const needed of ['README.md', 'LICENSE', 'dist/cli/main.js', 'dist/deploy/istio/virtualservice.yaml'])
    assert.ok(files.includes(needed), `${needed} is missing`);
  const foreign = files.filter((path) => !/^(package\.json|README\.md|LICENSE|dist\/.*)$/.test(path));
  assert.deepEqual(foreign, []);
  assert.deepEqual(
    files.filter(
      (path) =>
        /^dist\/(test|bench|docs)\//.test(path) || /^dist\/(?!cli\/template\/).*(?<!\.d)\.ts$/.test(path),
    ),
    [],
  );
  const installed = readdirSync(join(consumer, 'node_modules'));
  assert.deepEqual(
    installed.filter((name) => /^(bun|deno|node-|typescript|miniflare|@biomejs)/.test(name)),
    [],
    'tools of the clone come along',
  );
});

test('the package is clean for publint and arethetypeswrong', () => {
  succeed(['npm', 'exec', '--yes', `--package=${PUBLINT}`, '--', 'publint', '--strict', tarball], scratch);
  const attw = ['attw', tarball, '--profile', 'esm-only', '--no-emoji'];
  succeed(['npm', 'exec', '--yes', `--package=${ARE_THE_TYPES_WRONG}`, '--', ...attw], scratch);
});

test('the package type-checks in a strict project, its own declarations too', () => {
  writeFileSync(
    join(consumer, 'use.ts'),
    `import { createGateway, type InProcessService, textSource } from 'pointsman';
import { createGateway as same } from 'pointsman/gateway';
import { createRoutedTransport } from 'pointsman/client';
import { compile, parse, route, validate } from 'pointsman/router';
const services: InProcessService[] = [{ host: 'a', port: 80, handler: { fetch: () => new Response('yes') } }];
const gateway = createGateway({ config: textSource('rules.yaml', ''), services, defaultHost: 'a' });
const response = await gateway.fetch(new Request('http://a/'));
console.log(await response.text(), same === createGateway, typeof parse, typeof compile, typeof route, typeof validate);
await createRoutedTransport({ config: textSource('rules.yaml', ''), baseUrl: 'http://a', protocol: 'connect' }).close();
`,
  );
  for (const resolution of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])
    succeed(
      [
        ...[join(root, 'node_modules/.bin/tsc'), '--noEmit', '--strict', '--skipLibCheck', 'false'],
        ...['--ignoreConfig', '--target', 'es2024', '--lib', 'es2024,dom,dom.iterable,dom.asynciterable'],
        ...['--module', resolution[0]!, '--moduleResolution', resolution[1]!],
        ...['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node', 'use.ts'],
      ],
      consumer,
    );
});

test('the package answers, checks and explains on Bun, Deno and each kept Node', () => {
  const main = join(consumer, 'node_modules/pointsman/dist/cli/main.js');
  for (const [name, runner] of runners) {
    assert.equal(
      succeed([...runner, 'use.ts'], consumer).trim(),
      'yes true function function function function',
      name,
    );
    assert.match(
      succeed([...runner, main, 'check', 'rules/virtualservice.yaml'], consumer),
      /1 valid resource, 0 errors/,
      name,
    );
    assert.match(
      succeed(
        [...runner, main, 'explain', 'rules', '--', '-H', 'user: admin', 'http://dubbo-go-server/x'],
        consumer,
      ),
      /subset v2/,
      name,
    );
  }
});

test('npx pointsman finds the program, which says what to do on an old Node', () => {
  assert.ok(existsSync(join(consumer, 'node_modules/.bin/pointsman')));
  const [major = 0] = succeed(['node', '--version'], consumer).trim().slice(1).split('.').map(Number);
  const { status, output } = run(
    ['npx', '--no-install', 'pointsman', 'check', 'rules/virtualservice.yaml'],
    consumer,
  );
  if (major >= 22) assert.match(output, /1 valid resource, 0 errors/);
  else assert.match(output, /^error: Cannot run on Node .*: use Node 22 or newer, Bun or Deno\n/);
  assert.equal(status, major >= 22 ? 0 : 2);
});

test('pointsman dev of the package serves the tutorial from its own rule files', async () => {
  for (const [name, runner] of runners) {
    const [program = '', ...args] = runner;
    const main = join(consumer, 'node_modules/pointsman/dist/cli/main.js');
    const dev = startAny(program, [...args, main, 'dev', '--port', '0', '--admin-port', '0'], {
      cwd: consumer,
    });
    try {
      const [, url] = await dev.line(/listening\s+(http:\S+)/);
      const response = await fetch(`${url}/api.Greeter/SayHello`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', user: 'admin' },
        body: '{"name":"laurence"}',
      });
      assert.deepEqual(await response.json(), { name: 'Hello laurence', id: 'v2.0.0' }, name);
    } finally {
      dev.kill('SIGTERM');
      await dev.exit;
    }
  }
});

test('pointsman new app makes one that installs, passes its tests and answers', async () => {
  const main = join(consumer, 'node_modules/pointsman/dist/cli/main.js');
  const app = join(scratch, 'shop-cart');
  succeed(
    [...runners.get('Deno')!, main, 'new', 'app', 'shop-cart', '--pointsman', `file:${tarball}`],
    scratch,
  );
  succeed(['npm', 'install', '--silent', '--no-audit', '--no-fund'], app);
  const output = succeed(['npm', 'test'], app);
  assert.match(output, /2 pass\n 0 fail/);
  assert.match(output, /2 valid resources, 0 errors, 0 warnings/);
});
