/**
 * docs/tutorial-istio.md by machine: two greeters and a client, each a process of its own, a real API server, and the
 * released istiod over it. Each step is a `kubectl apply`; the client asks istiod and calls the greeters straight.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipWithout } from '../peer/find.ts';
import { startIstiodOverKubernetes } from '../peer/istiod.ts';
import { startKubeApiserver } from '../peer/kube-apiserver.ts';
import { root, runtime, start } from '../program.ts';

const istio = join(root, 'deploy/istio');
const PEERS = ['istiod', 'kube-apiserver', 'kubectl', 'etcd'];

test("the greeter's client obeys what kubectl applies, by istiod, without gateway or sidecar", {
  skip:
    (runtime !== 'bun' && 'on Bun alone') ||
    (PEERS.map(skipWithout).find((reason) => reason !== false) ?? false),
  timeout: 180_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-proxyless-kube-'));
  const greeters = await Promise.all(
    ['v1', 'v2'].map(async (version) => {
      const args = ['--host', '127.0.0.1', '--port', '0', '--version', version];
      const program = start('services/greeter/server.ts', args);
      const [, port = ''] = await program.line(/listens on 127\.0\.0\.1:(\d+)/);
      return { program, port };
    }),
  );
  const { kubeconfig, kubectl, kill } = await startKubeApiserver(folder);
  const programs = greeters.map(({ program }) => program);
  let istiod: Awaited<ReturnType<typeof startIstiodOverKubernetes>> | undefined;
  try {
    const endpoints = join(folder, 'endpoints.yaml');
    writeFileSync(
      endpoints,
      readFileSync(join(root, 'examples/client/endpoints.yaml'), 'utf8')
        .replace('grpc: 20001', `grpc: ${greeters[0]!.port}`)
        .replace('grpc: 20002', `grpc: ${greeters[1]!.port}`),
    );
    const apply = (...files: string[]) => kubectl('apply', ...files.flatMap((file) => ['-f', file]));
    const scenario = (name: string) => join(istio, 'scenarios', `${name}.yaml`);
    await apply(endpoints, join(istio, 'destinationrule.yaml'), scenario('all-v1'));
    // Where istiod keeps its own secret.
    await kubectl('create', 'namespace', 'istio-system');
    istiod = await startIstiodOverKubernetes(kubeconfig, join(folder, 'istiod'));

    const client = start('services/greeter/client.ts', [
      ...['--address', 'xds:///dubbo-go-server:20000', '--registry-address', istiod.address],
      ...['--interval', '10ms', '--header', 'user: admin'],
    ]);
    programs.push(client);
    const ids = (from: number) =>
      [
        ...client
          .stdout()
          .slice(from)
          .matchAll(/ id:"(v\d)\.0\.0"/g),
      ].map(([, id]) => id);
    const until = async (what: () => boolean) => {
      while (!what()) await new Promise((done) => setTimeout(done, 10));
    };
    await until(() => ids(0).length >= 20);
    assert.deepEqual(new Set(ids(0)), new Set(['v1']));

    let from = client.stdout().length;
    const appliedMs = performance.now();
    await apply(scenario('user-admin'));
    await until(() => ids(from).includes('v2'));
    console.log(
      `kubectl apply to the first call that follows: ${Math.round(performance.now() - appliedMs)} ms`,
    );
    await until(() => ids(from).slice(-5).join() === 'v2,v2,v2,v2,v2');

    await apply(scenario('canary-90-10'));
    await until(
      () =>
        ids(from)
          .slice(-20)
          .filter((id) => id === 'v1').length > 10,
    );
    from = client.stdout().length;
    await until(() => ids(from).length >= 300);
    const share = ids(from).filter((id) => id === 'v2').length / ids(from).length;
    assert.ok(share > 0.03 && share < 0.2, `${share} of the calls went to v2, a tenth should`);
    assert.doesNotMatch(client.stdout(), /\tERROR\t/);
    client.kill('SIGTERM');
    assert.equal(await client.exit, 0);
  } finally {
    istiod?.kill();
    kill();
    for (const program of programs) if (!program.ended()) program.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
