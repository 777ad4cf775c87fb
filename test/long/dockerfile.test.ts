/**
 * The image as `make build` makes it where nothing is said: built whole inside, on Debian slim. Base images are made of
 * Debian's packages here, as no registry of images need be reached; npm's is.
 */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { closedPort } from '../closed-port.ts';
import { openPodman, type Podman } from '../package/podman.ts';
import { findPeer, skipWithout } from '../peer/find.ts';
import { root } from '../program.ts';

const IMAGE = 'pointsman:whole';
/** Of memory that a gateway at rest has, executable included. */
const MAX_RSS_MB = 80;
const ENDPOINTS = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dubbo-go-server }
spec:
  hosts: [dubbo-go-server.default.svc.cluster.local]
  ports: [{ number: 20000, name: grpc, protocol: GRPC }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
    - { address: 127.0.0.1, ports: { grpc: PORT1 }, labels: { dubbogoAppVersion: v1 } }
    - { address: 127.0.0.1, ports: { grpc: PORT2 }, labels: { dubbogoAppVersion: v2 } }
`;

const skip =
  skipWithout('podman') ||
  (findPeer('mmdebstrap') === undefined &&
    'mmdebstrap is not installed; apt-get install mmdebstrap gets it') ||
  (process.getuid?.() !== 0 && 'base images are made by root');
const rules = mkdtempSync(join(tmpdir(), 'pointsman-rules-'));
let podman: Podman;

function build(): number {
  const startMs = performance.now();
  const { status, output } = podman.run('make', [
    ...['build', `BUILDER=${podman.builder}`, 'IMAGE=pointsman', 'TAG=whole', 'REVISION=test'],
  ]);
  assert.equal(status, 0, output);
  return (performance.now() - startMs) / 1000;
}

before(() => {
  if (skip) return;
  podman = openPodman('overlay');
  const { status, output } = podman.run(join(root, 'test/peer/base-image.sh'), [podman.store]);
  assert.equal(status, 0, output);
  const coldS = build();
  console.log(`built from nothing in ${coldS.toFixed(0)} s, again in ${build().toFixed(0)} s`);
});

after(() => {
  if (!skip) podman.close();
  rmSync(rules, { recursive: true });
});

test('the default image is whole: labels, user, licence, what it is made of', { skip }, () => {
  const [{ Size, Config }] = JSON.parse(podman.succeed('image', 'inspect', IMAGE)) as [
    { Size: number; Config: { User: string; Labels: Record<string, string> } },
  ];
  console.log(`the image has ${(Size / 1e6).toFixed(0)} MB, Debian included`);
  assert.equal(Config.User, '65532:65532');
  assert.equal(Config.Labels['org.opencontainers.image.title'], 'pointsman');
  assert.equal(Config.Labels['org.opencontainers.image.version'], 'whole');
  const read = (path: string) => podman.succeed('run', '--rm', '--entrypoint', 'cat', IMAGE, path);
  assert.equal(read('/usr/share/doc/pointsman/LICENSE'), readFileSync(join(root, 'LICENSE'), 'utf8').trim());
  assert.match(read('/usr/share/doc/pointsman/sbom.spdx.json'), /"name": "hono"/);
});

test('the default image runs gateway and greeters, which answer curl and grpcurl and are healthy', {
  skip,
}, async () => {
  const ports: string[] = [];
  for (const version of ['v1', 'v2']) {
    podman.start(
      version,
      IMAGE,
      'greeter-server',
      '--version',
      version,
      '--port',
      '0',
      '--host',
      '127.0.0.1',
    );
    ports.push((await podman.log(version, /listens on \S+:(\d+)/))[1]!);
  }
  // The image's user is nobody in particular.
  chmodSync(rules, 0o755);
  cpSync(join(root, 'deploy/istio/virtualservice.yaml'), join(rules, 'virtualservice.yaml'));
  cpSync(join(root, 'deploy/istio/destinationrule.yaml'), join(rules, 'destinationrule.yaml'));
  writeFileSync(
    join(rules, 'endpoints.yaml'),
    ENDPOINTS.replace('PORT1', ports[0]!).replace('PORT2', ports[1]!),
  );
  const [port, adminPort] = [await closedPort(), await closedPort()];
  podman.succeed(
    ...['create', '--name', 'gateway', '--network=host', '--read-only', '-v', `${rules}:/etc/pointsman:ro`],
    ...[IMAGE, 'serve', '--config', '/etc/pointsman', '--default-host', 'dubbo-go-server'],
    ...['--host', '127.0.0.1', '--port', `${port}=20000`, '--admin-port', `${adminPort}`],
  );
  try {
    const startMs = performance.now();
    podman.succeed('start', 'gateway');
    const hello = async (): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${port}/api.Greeter/SayHello`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"name":"laurence"}',
      });
      return response.ok ? response.json() : undefined;
    };
    let answer: unknown;
    while (answer === undefined && performance.now() < startMs + 20_000)
      answer = await hello().catch(() => undefined);
    console.log(`podman start to the first answer: ${(performance.now() - startMs).toFixed(0)} ms`);
    assert.deepEqual(answer, { name: 'Hello laurence', id: 'v1.0.0' });
    const grpcurl = findPeer('grpcurl');
    if (grpcurl !== undefined) {
      const args = ['-plaintext', '-H', 'user: admin', '-d', '{"name":"laurence"}', `127.0.0.1:${port}`];
      assert.match(podman.run(grpcurl, [...args, 'api.Greeter/SayHello']).output, /"id": "v2\.0\.0"/);
    }
    podman.succeed('exec', 'gateway', '/pointsman', 'healthy');
    const pid = podman.succeed('inspect', 'gateway', '--format', '{{.State.Pid}}');
    const [, kB] = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
    console.log(`the gateway has ${(Number(kB) / 1024).toFixed(0)} MiB`);
    assert.ok(Number(kB) * 1024 < MAX_RSS_MB * 1e6, `${kB} kB`);
    podman.succeed('stop', 'gateway');
    assert.equal(podman.succeed('inspect', 'gateway', '--format', '{{.State.ExitCode}}'), '0');
  } finally {
    podman.attempt('rm', '-f', '-t', '0', 'gateway');
  }
});
