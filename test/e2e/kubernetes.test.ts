/**
 * The tutorial with a real API server in place of rule files: kubectl applies each step, with the service account and
 * the role that the manifest gives, and it holds at once.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { kubernetesSource } from '../../config/kubernetes/source.ts';
import { createGateway } from '../../gateway/index.ts';
import { routes as greeterV1 } from '../../services/greeter/v1.ts';
import { routes as greeterV2 } from '../../services/greeter/v2.ts';
import { pointsman } from '../cli/program.ts';
import { connectServer } from '../gateway/world.ts';
import { skipWithout } from '../peer/find.ts';
import { startKubeApiserver } from '../peer/kube-apiserver.ts';
import { root, runtime } from '../program.ts';
import { callers } from './caller.ts';

const HOST = 'dubbo-go-server.default.svc.cluster.local';
const deploy = join(root, 'deploy');
const scenario = (name: string) => join(deploy, 'istio/scenarios', `${name}.yaml`);

/** Loopback is refused as an endpoint of a Service: the greeters are a ServiceEntry's, beside a Service that is looked at. */
function objects(v1: number, v2: number): string {
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dubbo-go-server, namespace: default }
spec:
  hosts: [${HOST}]
  ports: [{ number: 20000, name: grpc, protocol: GRPC }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
    - { address: 127.0.0.1, ports: { grpc: ${v1} }, labels: { dubbogoAppVersion: v1 } }
    - { address: 127.0.0.1, ports: { grpc: ${v2} }, labels: { dubbogoAppVersion: v2 } }
---
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-1, namespace: default, labels: { app: reviews, version: v1 } }
spec: { nodeName: n1, containers: [{ name: c, image: x }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-1, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
ports: [{ name: http, port: 8080, protocol: TCP }]
endpoints: [{ addresses: [10.1.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews-1, namespace: default } }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: nobody-1, namespace: default, labels: { kubernetes.io/service-name: nobody } }
addressType: IPv4
ports: []
endpoints: []
`;
}

/** The API server takes it; a webhook of Istio's would not. */
const WITHOUT_ROUTES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: refused, namespace: default }
spec:
  hosts: [refused.example]
`;

test('the gateway follows a real API server through the scenarios of the tutorial, with no more rights than the manifest gives', {
  skip:
    // It takes twenty seconds, most of them the API server's; what differs by runtime is tested with a scripted one.
    (runtime !== 'bun' && 'on Bun alone') ||
    skipWithout('kube-apiserver') ||
    skipWithout('kubectl') ||
    skipWithout('etcd'),
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-kube-'));
  const [v1, v2] = await Promise.all([connectServer('http2', greeterV1), connectServer('http2', greeterV2)]);
  const { kubeconfig, kubectl, kill } = await startKubeApiserver(folder);
  const file = join(folder, 'objects.yaml');
  writeFileSync(file, objects(v1.port, v2.port));
  await kubectl('apply', '-f', file, '-f', join(deploy, 'kubernetes'));
  await kubectl('apply', '-f', join(deploy, 'istio/destinationrule.yaml'), '-f', scenario('all-v1'));
  const kubeconfigOf = async (serviceAccount: string) => {
    const own = parse(readFileSync(kubeconfig, 'utf8'));
    own.users[0].user.token = (await kubectl('create', 'token', serviceAccount)).trim();
    const path = join(kubeconfig, `../${serviceAccount}.kubeconfig`);
    writeFileSync(path, stringify(own));
    return path;
  };
  const ownKubeconfig = await kubeconfigOf('pointsman');

  const gateway = createGateway({
    config: kubernetesSource('k8s://?status', { kubeconfig: ownKubeconfig }),
    defaultHost: HOST,
  });
  const replica = new AbortController();
  void kubernetesSource('k8s://?status', { kubeconfig: ownKubeconfig }).start(async () => {}, replica.signal);
  const listening = await gateway.listen({ port: 0, servicePort: 20000 });
  const { call, close } = callers(listening.port);
  const split = async (calls: number, headers: Record<string, string> = {}) => {
    const ids = await Promise.all(Array.from({ length: calls }, () => call.http1(headers)));
    return ids.filter((id) => id === 'v2.0.0').length / calls;
  };
  const until = async (what: () => Promise<boolean> | boolean) => {
    while (!(await what())) await new Promise((done) => setTimeout(done, 10));
  };
  const endpoints = () =>
    gateway
      .clusters()
      .find(({ host }) => host.startsWith('reviews.'))
      ?.endpoints.map(({ id, labels }) => [id, labels['version']]);
  try {
    await until(() => gateway.config.sources()[0]?.state === 'connected');
    assert.equal(await split(20), 0);
    assert.deepEqual(endpoints(), [['10.1.0.1:8080', 'v1']]);

    await kubectl('apply', '-f', scenario('user-admin'));
    await until(async () => (await call.http1({ user: 'admin' })) === 'v2.0.0');
    assert.equal(await split(20, { user: 'admin' }), 1);
    assert.equal(await split(20, { user: 'admin2' }), 0);

    await kubectl('apply', '-f', scenario('canary-90-10'));
    await until(async () => (await split(40)) > 0);
    const toV2 = await split(600);
    assert.ok(toV2 > 0.04 && toV2 < 0.18, `${toV2} of the calls went to v2, a tenth should`);

    await kubectl('label', 'pod', 'reviews-1', 'version=v2', '--overwrite');
    await until(() => endpoints()?.[0]?.[1] === 'v2');

    writeFileSync(file, WITHOUT_ROUTES);
    await kubectl('apply', '-f', file);
    const condition = async () => JSON.parse(await kubectl('get', 'virtualservice', 'refused', '-o', 'json'));
    await until(async () => (await condition()).status?.conditions?.length === 1);
    const { metadata, status } = await condition();
    assert.equal(status.conditions[0].type, 'pointsman.dev/Accepted');
    assert.equal(Number(status.conditions[0].observedGeneration), metadata.generation);
    assert.match(status.conditions[0].message, /^no-routes: /);
    // Both have read it, and neither writes again.
    await new Promise((done) => setTimeout(done, 500));
    assert.equal((await condition()).metadata.resourceVersion, metadata.resourceVersion);
    writeFileSync(file, `${WITHOUT_ROUTES}  http: [{ route: [{ destination: { host: reviews } }] }]\n`);
    await kubectl('apply', '-f', file);
    await until(async () => ((await condition()).status?.conditions ?? []).length === 0);

    await kubectl('create', 'serviceaccount', 'without-rights');
    const refused = await pointsman([
      ...['serve', '--config', 'k8s://', '--kubeconfig', await kubeconfigOf('without-rights')],
      ...['--port', '0', '--admin-port', '0'],
    ]);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(
      refused.stderr,
      /^error: Cannot read the rules of the cluster: \w+: the service account may not list and watch \w+, give it a role that may \(.*User "system:serviceaccount:default:without-rights" cannot list.*\)(, and \d more kinds)?$/m,
    );

    kill();
    await until(() => gateway.config.sources()[0]?.state === 'disconnected');
    assert.ok((await split(100)) < 0.4);
  } finally {
    replica.abort();
    kill();
    close();
    await gateway.stop(0);
    await Promise.all([v1.kill(), v2.kill()]);
    rmSync(folder, { recursive: true, force: true });
  }
});
