/**
 * Calls between workloads of a real mesh: each side has its certificate of istiod, and knows the other by it. The servers are
 * Envoys, processes of their own that know nothing of ours.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as tls from 'node:tls';
import { createClient } from '@connectrpc/connect';
import { createRoutedTransport } from '../../client/index.ts';
import { parseXdsAddress } from '../../config/xds/address.ts';
import { requestCertificate } from '../../config/xds/certificate-authority.ts';
import { xdsSource } from '../../config/xds/source.ts';
import { createGateway, type GatewayOptions } from '../../gateway/index.ts';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import type { Cluster, RouteTable } from '../../router/index.ts';
import { routes as greeterV1 } from '../../services/greeter/v1.ts';
import { closedPort } from '../closed-port.ts';
import { ApiServer } from '../config/kubernetes/api-server.ts';
import { connectServer } from '../gateway/world.ts';
import { skipWithout } from '../peer/find.ts';
import { tableOf } from '../router/rules.ts';
import { type Mesh, skipWithoutMesh, startMesh } from './mesh.ts';
import { startMeshEnvoy } from './mesh-envoy.ts';

const skip = skipWithoutMesh || skipWithout('envoy');
const options = { skip, timeout: 60_000 };
const WEB = 'spiffe://cluster.local/ns/default/sa/web';
const GREETER = 'spiffe://cluster.local/ns/default/sa/greeter';
const endings: (() => unknown)[] = [];
/** Of a service account each. */
const token: Record<string, string> = {};
let mesh: Mesh;
/** Envoys: one of the right account, one of another. */
let greeter: number;
let mallory: number;

/** The rules of all tests; each service is of its own port's protocol. */
const rules = () => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: greeter, namespace: default }
spec:
  hosts: [greeter.default.svc.cluster.local]
  ports: [{ number: 80, name: http, protocol: HTTP }, { number: 90, name: grpc, protocol: GRPC }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
    - address: 127.0.0.1
      ports: { http: ${greeter}, grpc: ${greeter} }
      labels: { version: v1, security.istio.io/tlsMode: istio }
      serviceAccount: greeter
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: explicit, namespace: default }
spec:
  hosts: [explicit.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }, { number: 90, name: grpc, protocol: GRPC }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{ address: 127.0.0.1, ports: { http: ${greeter}, grpc: ${greeter} }, labels: { version: v1 }, serviceAccount: greeter }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: explicit, namespace: default }
spec:
  host: explicit.example.com
  trafficPolicy: { tls: { mode: ISTIO_MUTUAL } }
  subsets: [{ name: v1, labels: { version: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: explicit, namespace: default }
spec:
  hosts: [explicit.example.com]
  http: [{ route: [{ destination: { host: explicit.example.com, subset: v1 } }] }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: impostor, namespace: default }
spec:
  hosts: [impostor.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{ address: 127.0.0.1, ports: { http: ${mallory} }, serviceAccount: greeter }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: impostor, namespace: default }
spec: { host: impostor.example.com, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: selected, namespace: default }
spec:
  hosts: [selected.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  location: MESH_INTERNAL
  workloadSelector: { labels: { app: selected } }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: selected, namespace: default }
spec: { address: 127.0.0.1, labels: { app: selected }, serviceAccount: greeter }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: selected, namespace: default }
spec: { host: selected.example.com, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  selector: { app: edge }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }
    - { port: { number: 8443, name: https, protocol: HTTPS }, hosts: [a.example], tls: { mode: SIMPLE, credentialName: web } }
    - { port: { number: 8443, name: mutual, protocol: HTTPS }, hosts: [b.example], tls: { mode: MUTUAL, credentialName: mutual } }
    - { port: { number: 8443, name: named, protocol: HTTPS }, hosts: [c.example], tls: { mode: MUTUAL, credentialName: mutual, subjectAltNames: [client] } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: served, namespace: default }
spec:
  hosts: [a.example, b.example, c.example]
  gateways: [edge]
  http: [{ directResponse: { status: 200, body: { string: served } } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: secret, namespace: default }
spec:
  hosts: [secret.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${greeter} } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: secret, namespace: default }
spec:
  host: secret.example.com
  trafficPolicy: { tls: { mode: MUTUAL, credentialName: client-credential, sni: secret.example.com, subjectAltNames: ['${GREETER}'] } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: secret, namespace: default }
spec:
  hosts: [secret.example.com]
  gateways: [edge]
  http: [{ route: [{ destination: { host: secret.example.com } }] }]
`;

before(
  async () => {
    if (skip) return;
    [greeter, mallory] = [await closedPort(), await closedPort()];
    mesh = await startMesh(rules(), {});
    endings.push(mesh.kill);
    for (const account of ['web', 'greeter', 'mallory', 'other', 'edge'])
      token[account] = await mesh.tokenOf(account);
    await mesh.kubectl('create', 'role', 'secrets', '--verb=list', '--resource=secrets');
    await mesh.kubectl('create', 'rolebinding', 'secrets', '--role=secrets', '--serviceaccount=default:edge');
    const app = await connectServer('http2', greeterV1);
    endings.push(app.kill);
    const startEnvoy = async (account: string, port: number) => {
      const certificate = await requestCertificate(parseXdsAddress(mesh.urlOf(token[account]!)));
      const folder = join(mesh.folder, account);
      const envoy = await startMeshEnvoy({ port, folder, certificate, client: WEB, grpcPort: app.port });
      endings.push(envoy.stop);
    };
    await Promise.all([startEnvoy('greeter', greeter), startEnvoy('mallory', mallory)]);
  },
  { timeout: 120_000 },
);
after(async () => {
  for (const end of endings.reverse()) await end();
});

/** A gateway for the length of a test, and GET through it: what the peer saw, or the status with why there is none. */
async function gatewayFor(gatewayOptions: GatewayOptions) {
  const lines: string[] = [];
  const gateway = createGateway({
    ...gatewayOptions,
    log: (level, message) => void lines.push(`${level} ${message}`),
    accessLog: {
      format: '%UPSTREAM_TRANSPORT_FAILURE_REASON% %RESPONSE_CODE_DETAILS%\n',
      write: (line) => void lines.push(line),
    },
  });
  endings.push(() => gateway.stop(0));
  const { port } = await gateway.listen({ port: 0, servicePort: 80 });
  const get = (host: string) =>
    new Promise<unknown>((resolve, reject) => {
      http
        .get({ port, headers: { host } }, (answer) => {
          const { headers, statusCode } = answer;
          answer.resume();
          resolve(
            statusCode === 200
              ? [headers['x-alpn'], headers['x-server-name'], headers['x-client'], headers['x-server']]
              : statusCode,
          );
        })
        .on('error', reject);
    });
  return { gateway, get, lines };
}

/** No secret is in anything that is told. */
function assertNoSecret(text: string) {
  for (const file of Object.values(token))
    assert.ok(!text.includes(readFileSync(file, 'utf8').trim().slice(-40)));
  assert.doesNotMatch(text, /PRIVATE KEY|BEGIN CERTIFICATE/);
}

/** The Secret that rules name, with a certificate of the mesh. */
async function applyCredential() {
  const issued = await requestCertificate(parseXdsAddress(mesh.urlOf(token['web']!)));
  const file = join(mesh.folder, 'credential.json');
  const stringData = {
    cert: issued.certificateChain,
    key: issued.privateKey,
    cacert: issued.rootCertificates,
  };
  const metadata = { name: 'client-credential', namespace: 'default' };
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData }), {
    mode: 0o600,
  });
  await mesh.kubectl('apply', '-f', file);
}

const SEEN = (serverName: string) => ['istio-http/1.1', serverName, WEB, GREETER];

test('createGateway() with a real istiod is a workload of its mesh', options, async () => {
  const { gateway, get, lines } = await gatewayFor({ config: mesh.urlOf(token['web']!) });
  assert.deepEqual(
    await get('greeter.default.svc.cluster.local'),
    SEEN('outbound_.80_._.greeter.default.svc.cluster.local'),
    'automatic mutual TLS',
  );
  assert.deepEqual(
    await get('explicit.example.com'),
    SEEN('outbound_.80_.v1_.explicit.example.com'),
    'mode ISTIO_MUTUAL, of a subset',
  );
  const [source] = gateway.config.sources();
  assert.equal(source?.certificate?.identity, WEB);
  assert.ok(Date.parse(source.certificate.expires!) > Date.now());
  assertNoSecret(JSON.stringify([source, gateway.clusters(), lines]));
});

test('createGateway() with a real istiod refuses a peer that is somebody else', options, async () => {
  const { get, lines } = await gatewayFor({ config: mesh.urlOf(token['web']!) });
  assert.equal(await get('impostor.example.com'), 503);
  assert.match(
    lines.join(),
    /certificate_is_for_URI:spiffe:\/\/cluster\.local\/ns\/default\/sa\/mallory,_want_one_for_spiffe:\/\/cluster\.local\/ns\/default\/sa\/greeter/,
  );
  assertNoSecret(lines.join());
});

test(
  'createGateway() with a real istiod is refused by a peer that wants somebody else',
  options,
  async () => {
    const { get } = await gatewayFor({ config: mesh.urlOf(token['other']!) });
    assert.equal(await get('explicit.example.com'), 503);
  },
);

test(
  'createGateway() with a real istiod and no token connects to no one by ISTIO_MUTUAL, and says why',
  options,
  async () => {
    const { get, lines } = await gatewayFor({ config: `xds://${mesh.address}` });
    assert.equal(await get('explicit.example.com'), 503);
    assert.ok(
      lines.some((line) => /^WARN .*Cannot carry out ISTIO_MUTUAL of cluster outbound\|80/.test(line)),
      lines.join('\n'),
    );
  },
);

test('compile() wants the TLS that a real istiod wants of the same rules', options, async () => {
  const stopping = new AbortController();
  const source = xdsSource(mesh.urlOf(token['web']!), { identity: { namespace: 'default' } });
  const tables: RouteTable[] = [];
  await source.start(async ({ table }) => void (table && tables.push(table)), stopping.signal);
  stopping.abort();
  const written = (clusters: readonly Cluster[]) =>
    Object.fromEntries(
      clusters.flatMap(({ name, policy: { tls } }) => (tls && !tls.isAutomatic ? [[name, tls]] : [])),
    );
  const own = written(tableOf(rules(), { services: [] }).clusters);
  assert.deepEqual(own, written(tables.at(-1)!.clusters));
  assert.deepEqual(
    Object.values(own).map(({ mode, subjectAltNames }) => [mode, ...subjectAltNames]),
    Array.from({ length: 6 }, () => ['ISTIO_MUTUAL', GREETER]),
  );
});

test(
  'createGateway() with rules in files is a workload of the mesh whose authority it is told',
  options,
  async () => {
    const folder = join(mesh.folder, 'rules');
    mkdirSync(folder);
    writeFileSync(join(folder, 'rules.yaml'), rules());
    const { gateway, get } = await gatewayFor({ config: folder, certificates: mesh.urlOf(token['web']!) });
    assert.deepEqual(await get('explicit.example.com'), SEEN('outbound_.80_.v1_.explicit.example.com'));
    assert.equal(await get('impostor.example.com'), 503);
    assert.equal(gateway.config.sources()[0]?.certificate?.identity, WEB);
  },
);

test(
  'createGateway() with rules of a cluster wants the certificate of the Pod behind an endpoint',
  options,
  async () => {
    // A real API server refuses loopback as an endpoint of a Service.
    const api = new ApiServer([
      ...['virtualservices', 'destinationrules', 'serviceentries', 'workloadentries', 'gateways'],
      ...['services', 'endpointslices', 'pods'],
    ]);
    const put = (name: string, port: number, serviceAccountName: string) => {
      const metadata = (own: string, labels?: object) => ({ name: own, namespace: 'default', labels });
      const spec = { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ name: 'http', port: 80 }] };
      const targetRef = { kind: 'Pod', name: `${name}-1`, namespace: 'default' };
      api.put('services', { metadata: metadata(name), spec });
      api.put('pods', { metadata: metadata(`${name}-1`), spec: { serviceAccountName } });
      api.put('endpointslices', {
        metadata: metadata(`${name}-a`, { 'kubernetes.io/service-name': name }),
        addressType: 'IPv4',
        ports: [{ name: 'http', port }],
        endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef }],
      });
      api.put('destinationrules', {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: metadata(name),
        spec: { host: name, trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } },
      });
    };
    put('known', greeter, 'greeter');
    put('taken', mallory, 'greeter');
    const kubeconfig = join(mesh.folder, 'scripted.kubeconfig');
    const cluster = { server: `http://127.0.0.1:${await api.listen()}` };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        'current-context': 'own',
        contexts: [{ name: 'own', context: { cluster: 'own' } }],
        clusters: [{ name: 'own', cluster }],
      }),
    );
    endings.push(() => api.close());
    const { get, lines } = await gatewayFor({
      // By its name, as users give it.
      config: `k8s://?kubeconfig=${encodeURIComponent(kubeconfig)}`,
      certificates: mesh.urlOf(token['web']!),
      proxy: { namespace: 'default' },
    });
    assert.deepEqual(
      await get('known.default.svc.cluster.local'),
      SEEN('outbound_.80_._.known.default.svc.cluster.local'),
    );
    assert.equal(await get('taken.default.svc.cluster.local'), 503);
    assert.match(lines.join(), /certificate_is_for_URI:[^,]+\/sa\/mallory,_want_one_for_[^,]+\/sa\/greeter/);
  },
);

test('createGateway() with rules in files is the workload whose files it is given', options, async () => {
  const folder = join(mesh.folder, 'agent');
  mkdirSync(folder);
  const issued = await requestCertificate(parseXdsAddress(mesh.urlOf(token['web']!)));
  for (const [name, text] of [
    ['cert-chain.pem', issued.certificateChain],
    ['key.pem', issued.privateKey],
    ['root-cert.pem', issued.rootCertificates],
  ] as const)
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const { get } = await gatewayFor({ config: join(mesh.folder, 'rules'), certificates: folder });
  assert.deepEqual(await get('explicit.example.com'), SEEN('outbound_.80_.v1_.explicit.example.com'));
});

test(
  'createGateway() at the edge shows the certificates of secrets that a real istiod sends, and says why it has none',
  options,
  async () => {
    const proxy = { type: 'router', labels: { app: 'edge' } } as const;
    const { gateway, get, lines } = await gatewayFor({ config: mesh.urlOf(token['edge']!), proxy });
    assert.equal(await get('secret.example.com'), 503);
    assert.match(lines.join(), /has_not_sent_the_secret_"kubernetes:\/\/client-credential"/);

    await applyCredential();
    while ((await get('secret.example.com')) === 503) await new Promise((done) => setTimeout(done, 50));
    assert.deepEqual(await get('secret.example.com'), ['http/1.1', 'secret.example.com', WEB, GREETER]);
    assertNoSecret(JSON.stringify([gateway.config.sources(), gateway.clusters(), lines]));
  },
);

/** What becomes of a connection to a port of servers with TLS: whose certificate was shown, and the answer's status. */
function connectTo(port: number, servername: string, own: tls.SecureContextOptions = {}): Promise<string> {
  return new Promise((done) => {
    let text = '';
    let shown = '';
    const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...own });
    socket.setEncoding('latin1');
    socket.on('secureConnect', () => {
      shown = String(socket.getPeerCertificate().subject.CN);
      socket.write(`GET / HTTP/1.1\r\nhost: ${servername}\r\nconnection: close\r\n\r\n`);
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => done(text === '' ? 'closed' : `${shown} ${text.slice(9, 12)}`));
  });
}

test('createGateway() at the edge shows its clients the certificates of secrets that a real istiod sends', {
  ...options,
  skip: skip || ('Deno' in globalThis && 'Deno does not verify clients'),
}, async () => {
  const pem = (name: string) => readFileSync(join(import.meta.dirname, `../fixture/tls/${name}.pem`), 'utf8');
  const apply = async (name: string, stringData: Record<string, string>) => {
    const file = join(mesh.folder, 'server-credential.json');
    const metadata = { name, namespace: 'default' };
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, stringData }), {
      mode: 0o600,
    });
    await mesh.kubectl('apply', '-f', file);
  };
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((done) => setTimeout(done, 100));
  };
  const proxy = { type: 'router', labels: { app: 'edge' } } as const;
  const { gateway, lines } = await gatewayFor({ config: mesh.urlOf(token['edge']!), proxy });
  const { port } = await gateway.listen({ port: 0, servicePort: 8443 });
  assert.equal(await connectTo(port, 'a.example'), 'closed', 'there is no Secret yet');
  const serversNow = () => gateway.ports().find((each) => each.port === port)?.servers ?? [];
  assert.deepEqual(
    serversNow().map(({ hosts, mode, state }) => [hosts, mode, state]),
    [
      [['a.example'], 'SIMPLE', 'refused'],
      [['b.example'], 'MUTUAL', 'refused'],
      [['c.example'], 'MUTUAL', 'refused'],
    ],
  );

  await apply('web', { cert: pem('a-cert'), key: pem('a-key') });
  await until(async () => (await connectTo(port, 'a.example')) === 'a.example 200');
  await apply('mutual', { cert: pem('b-cert'), key: pem('b-key'), cacert: pem('client-ca') });
  const known = { cert: pem('client-cert'), key: pem('client-key') };
  await until(async () => (await connectTo(port, 'b.example', known)) === 'b.example 200');
  assert.equal(await connectTo(port, 'b.example'), 'closed');
  assert.equal(await connectTo(port, 'b.example', { cert: pem('a-cert'), key: pem('a-key') }), 'closed');
  assert.equal(await connectTo(port, 'c.example', known), 'closed', 'by a condition that is not carried out');
  assert.equal(serversNow()[2]?.reason, 'subjectAltNames of its tls cannot be carried out');
  await apply('web', { cert: pem('b-cert'), key: pem('b-key') });
  await until(async () => (await connectTo(port, 'a.example')) === 'b.example 200');
  assertNoSecret(JSON.stringify([gateway.config.sources(), gateway.ports(), lines]));
});

test(
  'createGateway() at the edge shows the certificates of Secrets that it reads itself',
  options,
  async () => {
    const proxy = { type: 'router', labels: { app: 'edge' } } as const;
    await applyCredential();
    const { get, lines } = await gatewayFor({ config: `k8s://?kubeconfig=${mesh.kubeconfig}`, proxy });
    assert.deepEqual(await get('secret.example.com'), ['http/1.1', 'secret.example.com', WEB, GREETER]);
    await mesh.kubectl('delete', 'secret', 'client-credential');
    const { get: later, lines: reasons } = await gatewayFor({
      config: `k8s://?kubeconfig=${mesh.kubeconfig}`,
      proxy,
    });
    assert.equal(await later('secret.example.com'), 503);
    assert.match(reasons.join(), /There_is_no_Secret_default\/client-credential/);
    assertNoSecret(lines.join());
  },
);

test('createRoutedTransport() calls workloads of a real mesh by its own certificate', options, async () => {
  const transport = createRoutedTransport({
    config: mesh.urlOf(token['web']!),
    baseUrl: 'http://greeter.default.svc.cluster.local:90',
  });
  endings.push(() => transport.close());
  const seen: unknown[] = [];
  const { id } = await createClient(Greeter, transport).sayHello(
    { name: 'laurence' },
    {
      onHeader: (headers) =>
        void seen.push(...['x-alpn', 'x-server-name', 'x-client'].map((name) => headers.get(name))),
    },
  );
  assert.equal(id, 'v1.0.0');
  assert.deepEqual(seen, ['istio-h2', 'outbound_.90_._.greeter.default.svc.cluster.local', WEB]);
});
