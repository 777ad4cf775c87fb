import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePortMapping, parseUpstream, upstreamService } from '../../cli/listen-option.ts';

test('parsePortMapping() reads a port, and the service port it stands for', () => {
  const first = parsePortMapping('8080', undefined);
  assert.deepEqual(parsePortMapping('8081=20000', first), [
    { port: 8080 },
    { port: 8081, servicePort: 20000 },
  ]);
  for (const text of ['', 'http', '8080=', '=80', '70000', '80=70000', '8080:80', '-1'])
    assert.throws(() => parsePortMapping(text, undefined), /Write a port like 8080/, text);
});

test('parseUpstream() reads version, protocol, address and port', () => {
  const one = (text: string) => parseUpstream(text, undefined)[0];
  assert.deepEqual(one('v1=:3000'), { version: 'v1', address: '127.0.0.1', port: 3000, protocol: 'HTTP' });
  assert.deepEqual(one('v2=localhost:3001'), {
    version: 'v2',
    address: '127.0.0.1',
    port: 3001,
    protocol: 'HTTP',
  });
  assert.deepEqual(one('v1=http://10.0.0.7:80/'), {
    version: 'v1',
    address: '10.0.0.7',
    port: 80,
    protocol: 'HTTP',
  });
  assert.deepEqual(one('v1=grpc://[::1]:50051'), {
    version: 'v1',
    address: '::1',
    port: 50051,
    protocol: 'GRPC',
  });
  for (const text of [
    'v1',
    ':3000',
    '=:3000',
    'v1=3000',
    'v1=:0',
    'v1=:70000',
    'v1=https://a:1',
    'v1=:1/path',
  ])
    assert.throws(() => parseUpstream(text, undefined), /Write an upstream like/, text);
});

test('upstreamService() makes one service whose endpoints carry the label of their version', () => {
  const upstreams = parseUpstream('v2=:3001', parseUpstream('v1=:3000', undefined));
  assert.deepEqual(upstreamService('dubbo-go-server', 20000, upstreams), {
    host: 'dubbo-go-server.default.svc.cluster.local',
    namespace: 'default',
    ports: [{ name: 'http', number: 20000, protocol: 'HTTP' }],
    resolution: 'STATIC',
    endpoints: [
      {
        id: '127.0.0.1:3000',
        labels: { dubbogoAppVersion: 'v1', version: 'v1' },
        target: { kind: 'socket', address: '127.0.0.1', ports: { http: 3000 } },
      },
      {
        id: '127.0.0.1:3001',
        labels: { dubbogoAppVersion: 'v2', version: 'v2' },
        target: { kind: 'socket', address: '127.0.0.1', ports: { http: 3001 } },
      },
    ],
  });
});

test('upstreamService() looks up names, and speaks HTTP/2 to servers that all speak gRPC', () => {
  const service = upstreamService('greeter', 80, parseUpstream('v1=grpc://greeter.local:50051', undefined));
  assert.equal(service.resolution, 'DNS');
  assert.deepEqual(service.ports, [{ name: 'grpc', number: 80, protocol: 'GRPC' }]);
});
