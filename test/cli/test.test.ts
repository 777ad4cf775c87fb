import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { watchedNames } from '../../cli/watch.ts';
import { pointsman, start } from './program.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const WRONG = `tests:
  - name: admin, sent to v1
    request: { url: 'http://dubbo-go-server:20000/', headers: { user: admin } }
    expect: { subset: v1 }
`;

test('test passes the tests beside the rules of a folder, and counts what they cover', async () => {
  const { code, stdout, stderr } = await pointsman(['test', 'deploy/istio', 'deploy/istio/test']);
  assert.equal(code, 0, stderr);
  const covered = 'coverage 100.0 %: hosts 1/1, rules 2/2, matches 1/1, destinations 2/2';
  assert.equal(stdout, `${covered}\n6 passed, 0 failed\n`);
});

test('test exits 1 for what is not as expected, with JUnit XML and annotations', async () => {
  const file = join(folder, 'wrong.test.yaml');
  await writeFile(file, WRONG);
  const junit = join(folder, 'report.xml');
  const rules = ['deploy/istio/destinationrule.yaml', 'deploy/istio/virtualservice.yaml'];
  const { code, stdout, stderr } = await pointsman([
    'test',
    ...rules,
    file,
    '--junit',
    junit,
    '--github',
    '--fail-under',
    '90',
  ]);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /✗ admin, sent to v1 .*wrong\.test\.yaml:2\n {4}subset: wanted v1, got .* subset v2 port 20000\n/,
  );
  assert.match(stdout, /curl -H 'user: admin' http:\/\/dubbo-go-server:20000\//);
  assert.match(stdout, /not covered: VirtualService default\/dubbo-go-server http\[1\] .*\n {4}curl http:/);
  assert.match(
    stdout,
    /^::error file=.*wrong\.test\.yaml,line=2,title=admin%2C sent to v1::subset: wanted v1, got /m,
  );
  assert.equal(stderr, 'coverage 50.0 % is below 90 %\n');
  const xml = await readFile(junit, 'utf8');
  assert.match(xml, /<testsuites name="pointsman" tests="1" failures="1" errors="0">/);
  assert.match(xml, /<failure message="subset: wanted v1, got [^"]*">/);
});

test('test exits 2 where there are no tests', async () => {
  const { code, stderr } = await pointsman(['test', 'deploy/istio/destinationrule.yaml']);
  assert.equal(code, 2);
  assert.match(stderr, /^error: Cannot find tests in deploy\/istio\/destinationrule\.yaml: write some/);
});

test('watchedNames() has a change of what is read be one, and of nothing else in its folder', async () => {
  const rules = join(folder, 'watched');
  await mkdir(rules);
  const file = join(folder, 'only.yaml');
  await writeFile(file, WRONG);
  const asked = (names: ReadonlyMap<string, (name: string) => boolean>, of: string) =>
    ['only.yaml', 'other.yaml', 'a.test.yaml', 'a.json', '..data', 'report.xml', '.only.yaml.swp'].filter(
      (name) => names.get(of)?.(name),
    );
  assert.deepEqual(asked(await watchedNames([file]), folder), ['only.yaml', '..data']);
  assert.deepEqual(asked(await watchedNames([rules]), rules), [
    'only.yaml',
    'other.yaml',
    'a.test.yaml',
    'a.json',
    '..data',
  ]);
  const other = join(folder, 'other.yaml');
  await writeFile(other, WRONG);
  assert.deepEqual(asked(await watchedNames([file, other, '-']), folder), [
    'only.yaml',
    'other.yaml',
    '..data',
  ]);
  await assert.rejects(watchedNames([join(folder, 'nowhere')]), /no such file or folder/);
});

test('test --watch runs again when a file is saved', async () => {
  const file = join(folder, 'watched.test.yaml');
  await writeFile(file, WRONG);
  const running = start([
    'test',
    '--watch',
    'deploy/istio/destinationrule.yaml',
    'deploy/istio/virtualservice.yaml',
    file,
  ]);
  await running.line(/0 passed, 1 failed/);
  await writeFile(file, WRONG.replace('subset: v1', 'subset: v2'));
  await running.line(/1 passed, 0 failed/);
  running.kill('SIGTERM');
  await running.exit;
});
