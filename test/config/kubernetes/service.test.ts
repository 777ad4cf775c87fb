/** Services, slices and Pods of a cluster as the router's services. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinService, readService, readSlice } from '../../../config/kubernetes/service.ts';

type Port = { name?: string; port: number; protocol?: string; appProtocol?: string };

/** As Istio's `pkg/config/kube/conversion_test.go` has them. */
const protocols: readonly (Port & { readonly want: string })[] = [
  { name: 'http', port: 80, want: 'HTTP' },
  { name: 'http-web', port: 80, want: 'HTTP' },
  { name: 'httptest', port: 80, want: '' },
  { name: 'HTTP2-x', port: 80, want: 'HTTP2' },
  { name: 'grpc', port: 80, want: 'GRPC' },
  { name: 'grpc-web', port: 80, want: 'GRPC-WEB' },
  { name: 'grpc-web-x', port: 80, want: 'GRPC-WEB' },
  { name: 'tcp-x', port: 80, want: 'TCP' },
  { name: 'https', port: 443, want: 'HTTPS' },
  { name: 'mysql-x', port: 3306, want: 'MYSQL' },
  { name: 'x', port: 3306, want: 'TCP' },
  { name: 'http', port: 3306, want: 'HTTP' },
  { port: 8080, want: '' },
  { name: 'dns', port: 53, protocol: 'UDP', want: 'UDP' },
  { name: 'tcp', port: 80, appProtocol: 'http', want: 'HTTP' },
  { name: 'x', port: 80, appProtocol: 'kubernetes.io/h2c', want: 'HTTP2' },
  { name: 'x', port: 80, appProtocol: 'kubernetes.io/wss', want: 'HTTPS' },
  { name: 'http', port: 80, appProtocol: 'company.com/x', want: '' },
];

test('readService() tells a port’s protocol as Istio does', () => {
  for (const { want, ...port } of protocols) {
    const service = readService({
      metadata: { name: 'a', namespace: 'b' },
      spec: { clusterIP: '10.0.0.1', ports: [port] },
    });
    assert.equal(service.ports[0]?.protocol, want, JSON.stringify(port));
  }
});

test('readService() reads who sees a service, and knows a name of another and a headless one', () => {
  const metadata = { name: 'a', namespace: 'b', annotations: { 'networking.istio.io/exportTo': '., shop' } };
  assert.deepEqual(readService({ metadata, spec: { clusterIP: '10.0.0.1' } }).exportTo, ['.', 'shop']);
  const ports = [{ name: 'http', port: 80 }];
  const alias = readService({ metadata, spec: { type: 'ExternalName', externalName: 'example.com', ports } });
  assert.deepEqual([alias.externalName, alias.resolution, alias.addresses], ['example.com', undefined, []]);
  assert.deepEqual(alias.ports, [{ name: 'http', number: 80, protocol: 'HTTP' }]);
  const headless = readService({ metadata, spec: { clusterIP: 'None', clusterIPs: ['None'] } });
  assert.deepEqual([headless.resolution, headless.addresses], ['NONE', []]);
});

const service = readService({
  metadata: { name: 'a', namespace: 'b' },
  spec: {
    clusterIP: '10.0.0.1',
    ports: [
      { name: 'http', port: 80 },
      { name: 'grpc', port: 90 },
    ],
  },
});

function slice(addressType: string, addresses: string[], ports: Record<string, number>, ready?: boolean) {
  return readSlice({
    metadata: { name: 's', namespace: 'b', labels: { 'kubernetes.io/service-name': 'a' } },
    addressType,
    ports: Object.entries(ports).map(([name, port]) => ({ name, port })),
    endpoints: addresses.map((address) => ({
      addresses: [address],
      ...(ready !== undefined && { conditions: { ready } }),
      targetRef: { kind: 'Pod', name: `pod-${address}` },
    })),
  });
}

test('joinService() joins the ports that several slices have for one address', () => {
  const slices = [slice('IPv4', ['10.1.0.1'], { http: 8080 }), slice('IPv4', ['10.1.0.1'], { grpc: 9090 })];
  const { endpoints } = joinService(service, slices, (pod) => ({ pod }));
  assert.deepEqual(endpoints, [
    {
      id: '10.1.0.1:8080',
      labels: { pod: 'b/pod-10.1.0.1' },
      target: {
        ...{ kind: 'socket', address: '10.1.0.1', pod: 'b/pod-10.1.0.1' },
        ports: { http: 8080, grpc: 9090 },
      },
    },
  ]);
});

test('joinService() takes one family of addresses, and only endpoints that are ready', () => {
  const both = [slice('IPv6', ['fd00::1'], { http: 80 }), slice('IPv4', ['10.1.0.1'], { http: 80 })];
  const ids = (slices: typeof both) =>
    joinService(service, slices, () => undefined).endpoints.map(({ id }) => id);
  assert.deepEqual(ids(both), ['10.1.0.1:80']);
  assert.deepEqual(ids([both[0]!, slice('IPv4', ['10.1.0.1'], { http: 80 }, false)]), ['[fd00::1]:80']);
});
