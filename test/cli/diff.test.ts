import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ApiServer } from '../config/kubernetes/api-server.ts';
import { run } from '../program.ts';
import { pointsman } from './program.ts';

const ALL_V1 = 'deploy/istio/scenarios/all-v1.yaml';
const USER_ADMIN = 'deploy/istio/scenarios/user-admin.yaml';
const CANARY = 'deploy/istio/scenarios/canary-90-10.yaml';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-diff-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test("diff tells of the tutorial's steps what a person would, and counts a log", async () => {
  const log = join(folder, 'access.log');
  const line =
    '[2026-01-01T00:00:00.000Z] "POST /api.Greeter/SayHello HTTP/2" 200 - 5 9 1 1 "-" "grpc-go" "1" "dubbo-go-server" "-"';
  await writeFile(log, `${line}\nno log\n${line}\n`);
  const { code, stdout } = await pointsman(['diff', USER_ADMIN, CANARY, '--log', log]);
  assert.equal(code, 1);
  assert.equal(
    stdout,
    `dubbo-go-server: requests with header user = "admin"
  90 % of them go to v1 instead of v2
  by VirtualService default/dubbo-go-server http[0].match[0] (${USER_ADMIN}:12); now VirtualService default/dubbo-go-server http[0] (${CANARY}:10)
  curl -H 'user: admin' http://dubbo-go-server/

dubbo-go-server: all other requests
  10 % of them go to v2 instead of v1
  by VirtualService default/dubbo-go-server http[1] (${USER_ADMIN}:19); now VirtualService default/dubbo-go-server http[0] (${CANARY}:10)
  curl http://dubbo-go-server/

2 sets of requests move

of 2 logged requests 0.2 move (10 %)
  0.2  dubbo-go-server v1 → dubbo-go-server v2
  1 line is no access log and was left out (line 2)
`,
  );
});

test('diff reads revisions of git on either side', async (t) => {
  const git = async (...args: string[]) => {
    const { code, output } = await run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: folder,
    });
    assert.equal(code, 0, output);
  };
  try {
    await git('init', '-q');
  } catch {
    return t.skip('git is not installed');
  }
  const rules = (subset: string) =>
    `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop}, spec: {hosts: [shop], http: [{route: [{destination: {host: shop, subset: ${subset}}}]}]}}\n`;
  await writeFile(join(folder, 'rules.yaml'), rules('v1'));
  await git('add', 'rules.yaml');
  await git('commit', '-qm', 'one');
  await writeFile(join(folder, 'rules.yaml'), rules('v2'));
  const diff = (...args: string[]) => pointsman(['diff', ...args], { cwd: folder });
  assert.match(
    (await diff('HEAD', 'rules.yaml')).stdout,
    /all of them go to v2 instead of v1\n {2}by .*\(HEAD:rules\.yaml:1\)/,
  );
  const same = await diff('HEAD:.', 'HEAD:rules.yaml');
  assert.equal(same.stdout, 'no request changes\n');
  assert.equal(same.code, 0);
  const none = await diff('HEAD:other.yaml', 'rules.yaml');
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^error: Cannot find rules at "HEAD:other\.yaml"/);
  await mkdir(join(folder, 'linked'));
  await symlink('../rules.yaml', join(folder, 'linked/rules.yaml'));
  await symlink('../../elsewhere.yaml', join(folder, 'away.yaml'));
  await git('add', 'linked', 'away.yaml');
  await git('commit', '-qm', 'links');
  assert.match((await diff('HEAD', 'linked')).stdout, /all of them go to v2 instead of v1\n/);
  const away = await diff('HEAD:away.yaml', 'rules.yaml');
  assert.equal(away.code, 2);
  assert.match(
    away.stderr,
    /^error: Cannot read "HEAD:away\.yaml": it is a link to no file of that revision/,
  );
});

test('diff and explain read what a proxy of Istio has', async () => {
  const file = 'test/conformance/corpus/cases/match-scheme/envoy.json';
  const { routes } = JSON.parse(await readFile(file, 'utf8'));
  const one = join(folder, 'one.json');
  const other = join(folder, 'other.json');
  await writeFile(one, JSON.stringify(Object.values(routes)));
  await writeFile(other, JSON.stringify(Object.values(routes)).replaceAll('|v1|', '|v3|'));
  const { code, stdout } = await pointsman(['diff', one, other]);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^greeter and 1 more host: all other requests\n {2}all of them go to v3 instead of v1\n/,
  );
  const explained = await pointsman(['explain', other, '--', 'http://greeter/']);
  assert.match(explained.stdout, /→ to greeter\.default\.svc\.cluster\.local subset v3 port 80/);
  const recorded = await pointsman(['test', '--record', one, one]);
  assert.equal(recorded.code, 2);
  assert.match(
    recorded.stderr,
    /^error: Cannot use ".*one\.json" here: it is what a proxy has made of rules/,
  );
});

test("diff compares an Envoy's config dump with rules, and counts a log", async () => {
  const dump = 'test/fixture/proxy/sidecar.json';
  const rules = 'test/fixture/proxy/rules.yaml';
  const same = await pointsman(['diff', dump, rules]);
  assert.deepEqual([same.code, same.stdout], [0, 'no request changes\n'], same.stderr);
  const other = join(folder, 'other.yaml');
  await writeFile(other, (await readFile(rules, 'utf8')).replace('prefix: /reviews', 'prefix: /review'));
  const log = join(folder, 'jason.log');
  await writeFile(log, `${JSON.stringify({ method: 'GET', path: '/web', authority: 'reviews' })}\n`);
  const moved = await pointsman(['diff', dump, other, '--log', log]);
  assert.equal(moved.code, 1);
  assert.match(
    moved.stdout,
    /requests with path begins with "\/review" and header end-user = "jason"\n {2}75 % of them go to v2 instead of v1/,
  );
  assert.match(moved.stdout, /\nof 1 logged requests 0 move \(0 %\)\n$/);
  const kinds = await pointsman(['diff', dump, 'test/fixture/proxy/router.json']);
  assert.equal(kinds.code, 2);
  assert.match(kinds.stderr, /^error: Cannot compare what a sidecar has with what a gateway has/);
});

test('diff and test --record read the rules in effect in a running gateway', async () => {
  const spec = {
    hosts: ['dubbo-go-server'],
    http: [{ route: [{ destination: { host: 'dubbo-go-server', subset: 'v1' } }] }],
  };
  const metadata = { name: 'dubbo-go-server', namespace: 'default' };
  const resources = [{ apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata, spec }];
  // The admin port's part in it is small; `get` has its own test against a real one.
  const admin = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/resources' ? { resources } : { error: 'not here' }));
  });
  await new Promise<void>((done) => admin.listen(0, '127.0.0.1', done));
  try {
    const url = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
    const same = await pointsman(['diff', url, ALL_V1]);
    assert.equal(same.stdout, 'no request changes\n', same.stderr);
    const moved = await pointsman(['diff', url, USER_ADMIN]);
    assert.match(moved.stdout, /^dubbo-go-server: requests with header user = "admin"\n/);
    const recorded = await pointsman(['test', '--record', url]);
    assert.match(
      recorded.stdout,
      /name: VirtualService default\/dubbo-go-server http\[0\]\n {4}request:\n {6}url: http:\/\/dubbo-go-server\/\n/,
    );
  } finally {
    admin.close();
  }
});

test('diff reads the rules of a cluster, and says why when it cannot', async () => {
  const kinds = ['virtualservices', 'destinationrules', 'serviceentries', 'workloadentries', 'gateways'];
  const server = new ApiServer([...kinds, 'services', 'endpointslices', 'pods']);
  const port = await server.listen();
  const kubeconfig = join(folder, 'cluster.yaml');
  const access = {
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    clusters: [{ name: 'here', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'me', user: {} }],
  };
  await writeFile(kubeconfig, JSON.stringify(access));
  const url = `k8s://?${new URLSearchParams({ kubeconfig })}`;
  const spec = {
    hosts: ['dubbo-go-server'],
    http: [{ route: [{ destination: { host: 'dubbo-go-server', subset: 'v1' } }] }],
  };
  server.put('virtualservices', { metadata: { name: 'dubbo-go-server', namespace: 'default' }, spec });
  try {
    const same = await pointsman(['diff', url, ALL_V1]);
    assert.equal(same.stdout, 'no request changes\n', same.stderr);
    const moved = await pointsman(['diff', USER_ADMIN, url]);
    assert.match(moved.stdout, /^dubbo-go-server: requests with header user = "admin"\n/);
  } finally {
    await server.close();
  }
  const away = await pointsman(['diff', url, ALL_V1]);
  assert.deepEqual([away.code, away.stdout], [1, '']);
  assert.match(away.stderr, /^error: Cannot read rules from "k8s:.*": .*127\.0\.0\.1/);
  const misspelt = await pointsman(['diff', 'k8s://?name=shop', ALL_V1]);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /unknown parameter "name"/);
});

test('diff --log exits 2 for a log that cannot be read', async () => {
  const rules = 'deploy/istio/scenarios/all-v1.yaml';
  const { code, stderr } = await pointsman(['diff', rules, rules, '--log', join(folder, 'nowhere.log')]);
  assert.equal(code, 2);
  assert.match(stderr, /^error: Cannot read ".*nowhere\.log": ENOENT/);
});

test('diff exits 2 for a side that is nothing', async () => {
  const { code, stderr } = await pointsman(['diff', 'nowhere', ALL_V1]);
  assert.equal(code, 2);
  assert.match(stderr, /^error: Cannot find "nowhere": it is no file or folder, no revision of git .*\n$/);
});
