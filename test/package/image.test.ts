/**
 * The image as it is shipped: made from scratch for both architectures under one name, and run by podman with a
 * read-only root, as gateway, as both greeters and as their client.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findPeer, skipWithout } from '../peer/find.ts';
import { type Program, root, startAny } from '../program.ts';

const skip =
  skipWithout('podman') || process.arch !== 'x64' ? skipWithout('podman') || 'made for amd64' : false;
const scratch = mkdtempSync(join(tmpdir(), 'pointsman-image-'));
const podman = join(root, 'test/peer/podman');
const crane = findPeer('crane');
/** Of the registry that stands for a real one, where crane is there to serve it. */
let repository = 'localhost/pointsman';
let registry: Program | undefined;
const image = () => `${repository}:test`;
const MAX_MB = 130;
const containers: string[] = [];

function run(program: string, args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 180_000,
    env: { ...process.env, PODMAN_STORAGE: 'vfs', PODMAN_DIR: scratch },
  });
  // Without systemd podman says of each container that nobody will ask for its health.
  return { status, output: `${stdout}${stderr}`.replace(/^time=.*healthcheck.*\n/gm, '') };
}

function succeed(...args: string[]): string {
  const { status, output } = run(podman, [scratch, ...args]);
  assert.equal(status, 0, `podman ${args.join(' ')}: ${output}`);
  return output.trim();
}

/** Starts a container in the background, with the network of this machine. */
function start(name: string, ...args: string[]): void {
  containers.push(name);
  succeed('run', '-d', '--name', name, '--network=host', '--read-only', image(), ...args);
}

/** What a container has written, once it matches. */
async function log(name: string, pattern: RegExp): Promise<RegExpExecArray> {
  for (let tries = 0; tries < 100; tries++) {
    const found = pattern.exec(succeed('logs', name));
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${name} never wrote ${pattern}: ${succeed('logs', name)}`);
}

before(async () => {
  if (skip) return;
  const words = ['-s', 'TARGET=scratch', `BUILDER=${podman} ${scratch}`, 'TAG=test'];
  let target = 'build-platforms';
  if (crane !== undefined) {
    registry = startAny(crane, ['registry', 'serve', '--address', '127.0.0.1:0']);
    while (!/serving on port (\d+)/.test(registry.stderr()))
      await new Promise((done) => setTimeout(done, 20));
    repository = `127.0.0.1:${/serving on port (\d+)/.exec(registry.stderr())?.[1]}/pointsman`;
    target = 'buildx-publish';
    words.push('PUSH_FLAGS=--tls-verify=false');
  }
  const { status, output } = run('make', [...words, target, `IMAGE=${repository}`]);
  assert.equal(status, 0, output);
});

after(() => {
  if (!skip) for (const name of containers) run(podman, [scratch, 'rm', '-f', '-t', '0', name]);
  registry?.kill('SIGTERM');
  rmSync(scratch, { recursive: true, force: true });
});

test('the image is one index of both architectures, small and said to be whose it is', { skip }, () => {
  const { manifests } = JSON.parse(succeed('manifest', 'inspect', image())) as {
    manifests: { digest: string; platform: { architecture: string } }[];
  };
  assert.deepEqual(manifests.map(({ platform }) => platform.architecture).sort(), ['amd64', 'arm64']);
  const [built] = JSON.parse(succeed('image', 'inspect', image())) as [
    { Size: number; Config: { User: string; Labels: Record<string, string>; Entrypoint: string[] } },
  ];
  console.log(`the image has ${(built.Size / 1e6).toFixed(0)} MB`);
  if (crane !== undefined) {
    const pushed = JSON.parse(run(crane, ['manifest', '--insecure', image()]).output) as {
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
  start('dev', 'dev', '--port', '0', '--admin-port', '0');
  const [, url = ''] = await log('dev', /listening\s+(http:\S+)/);
  const [, admin = ''] = await log('dev', /admin on (http:\S+)/);
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
      run(grpcurl, [...args, url.replace('http://', ''), 'api.Greeter/SayHello']).output,
      /"id": "v2\.0\.0"/,
    );
  }
  succeed('exec', 'dev', '/pointsman', 'healthy', admin);
  assert.notEqual(
    run(podman, [scratch, 'exec', 'dev', '/pointsman', 'healthy', 'http://127.0.0.1:1']).status,
    0,
  );
  succeed('stop', 'dev');
  assert.equal(succeed('inspect', 'dev', '--format', '{{.State.ExitCode}}'), '0');
});

test('the image runs the greeter and its client, each by its arguments', { skip }, async () => {
  start('server', 'greeter-server', '--version', 'v2', '--port', '0', '--host', '127.0.0.1');
  const [, address = ''] = await log('server', /listens on (\S+):/);
  const called = succeed(
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
    const { status, output } = run(podman, [
      scratch,
      'run',
      '--rm',
      '--network=host',
      '--read-only',
      image(),
      ...args,
    ]);
    assert.equal(status, code, output);
    assert.match(output, message);
    assert.doesNotMatch(output, /\bat .*:\d+:\d+/, 'a stack trace');
  }
});
