/**
 * The image as it is shipped: made from scratch for both architectures under one name, and run by podman with a
 * read-only root, as gateway, as both greeters and as their client.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findPeer, skipWithout } from '../peer/find.ts';
import { type Program, startAny } from '../program.ts';
import { openPodman, type Podman } from './podman.ts';

const skip =
  skipWithout('podman') || process.arch !== 'x64' ? skipWithout('podman') || 'made for amd64' : false;
let podman: Podman;
const crane = findPeer('crane');
/** Of the registry that stands for a real one, where crane is there to serve it. */
let repository = 'localhost/pointsman';
let registry: Program | undefined;
const image = () => `${repository}:test`;
const MAX_MB = 130;

before(async () => {
  if (skip) return;
  podman = openPodman('vfs');
  const words = ['-s', 'TARGET=scratch', `BUILDER=${podman.builder}`, 'TAG=test'];
  let target = 'build-platforms';
  if (crane !== undefined) {
    registry = startAny(crane, ['registry', 'serve', '--address', '127.0.0.1:0']);
    while (!/serving on port (\d+)/.test(registry.stderr()))
      await new Promise((done) => setTimeout(done, 20));
    repository = `127.0.0.1:${/serving on port (\d+)/.exec(registry.stderr())?.[1]}/pointsman`;
    target = 'buildx-publish';
    words.push('PUSH_FLAGS=--tls-verify=false');
  }
  const { status, output } = podman.run('make', [...words, target, `IMAGE=${repository}`]);
  assert.equal(status, 0, output);
});

after(() => {
  registry?.kill('SIGTERM');
  if (!skip) podman.close();
});

test('the image is one index of both architectures, small and said to be whose it is', { skip }, () => {
  const { manifests } = JSON.parse(podman.succeed('manifest', 'inspect', image())) as {
    manifests: { digest: string; platform: { architecture: string } }[];
  };
  assert.deepEqual(manifests.map(({ platform }) => platform.architecture).sort(), ['amd64', 'arm64']);
  const [built] = JSON.parse(podman.succeed('image', 'inspect', image())) as [
    { Size: number; Config: { User: string; Labels: Record<string, string>; Entrypoint: string[] } },
  ];
  console.log(`the image has ${(built.Size / 1e6).toFixed(0)} MB`);
  if (crane !== undefined) {
    const pushed = JSON.parse(podman.run(crane, ['manifest', '--insecure', image()]).output) as {
      manifests: { platform: { architecture: string } }[];
    };
    assert.deepEqual(pushed.manifests.map(({ platform }) => platform.architecture).sort(), [
      'amd64',
      'arm64',
    ]);
  }
  assert.ok(built.Size < MAX_MB * 1e6, `${built.Size} bytes`);
  assert.equal(built.Config.User, '65532:65532');
  assert.equal(built.Config.Labels['org.opencontainers.image.title'], 'pointsman');
});

test('the image runs dev, which answers curl and grpcurl, is healthy, and ends in order', {
  skip,
}, async () => {
  podman.start('dev', image(), 'dev', '--port', '0', '--admin-port', '0');
  const [, url = ''] = await podman.log('dev', /listening\s+(http:\S+)/);
  const [, admin = ''] = await podman.log('dev', /admin on (http:\S+)/);
  const response = await fetch(`${url}/api.Greeter/SayHello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"laurence"}',
  });
  assert.deepEqual(await response.json(), { name: 'Hello laurence', id: 'v1.0.0' });
  const grpcurl = findPeer('grpcurl');
  if (grpcurl !== undefined) {
    const args = ['-plaintext', '-H', 'user: admin', '-d', '{"name":"laurence"}'];
    assert.match(
      podman.run(grpcurl, [...args, url.replace('http://', ''), 'api.Greeter/SayHello']).output,
      /"id": "v2\.0\.0"/,
    );
  }
  podman.succeed('exec', 'dev', '/pointsman', 'healthy', admin);
  assert.notEqual(podman.attempt('exec', 'dev', '/pointsman', 'healthy', 'http://127.0.0.1:1').status, 0);
  const unknown = podman.attempt('exec', 'dev', '/pointsman', 'healthy');
  assert.equal(unknown.status, 1);
  assert.match(unknown.output, /^Cannot tell which port is listened on: name the URL, [^\n]*\n$/);
  podman.succeed('stop', 'dev');
  assert.equal(podman.succeed('inspect', 'dev', '--format', '{{.State.ExitCode}}'), '0');
});

test('the image runs the greeter and its client, each by its arguments', { skip }, async () => {
  podman.start('server', image(), 'greeter-server', '--version', 'v2', '--port', '0', '--host', '127.0.0.1');
  const [, address = ''] = await podman.log('server', /listens on (\S+):/);
  const called = podman.succeed(
    ...['run', '--rm', '--network=host', '--read-only', image()],
    ...['greeter-client', '--address', address, '--count', '1'],
  );
  assert.match(called, /INFO\tcall server response = name:"Hello laurence" id:"v2\.0\.0"/);
});

test('the image says in one line what is wrong, and exits with it', { skip }, () => {
  const cases: readonly [readonly string[], number, RegExp][] = [
    [['greeter-server', '--version', 'v3'], 2, /'v3' is invalid.*v1, v2/],
    [['serve', '--config', '/nowhere'], 2, /error: .*\/nowhere/],
    [['nonsense'], 2, /unknown command 'nonsense'/],
  ];
  for (const [args, code, message] of cases) {
    const { status, output } = podman.attempt(
      'run',
      '--rm',
      '--network=host',
      '--read-only',
      image(),
      ...args,
    );
    assert.equal(status, code, output);
    assert.match(output, message);
    assert.doesNotMatch(output, /\bat .*:\d+:\d+/, 'a stack trace');
  }
});
