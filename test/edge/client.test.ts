/** A client that routes by itself in workerd, where there is nothing but `fetch`. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes as v1 } from '../../services/greeter/v1.ts';
import { routes as v2 } from '../../services/greeter/v2.ts';
import { connectServer, type Server } from '../gateway/world.ts';
import { bundle, startWorker, type Worker } from './worker.ts';

const rulesOf = (one: number, two: number): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter.example]
  http:
    - match: [{ headers: { user: { exact: nobody } } }]
      fault: { abort: { httpStatus: 403, percentage: { value: 100 } } }
      route: [{ destination: { host: greeter.example } }]
    - match: [{ headers: { user: { exact: admin } } }]
      route: [{ destination: { host: greeter.example, subset: v2 } }]
    - route: [{ destination: { host: greeter.example, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter.example
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: greeter }
spec:
  hosts: [greeter.example]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints:
    - { address: 127.0.0.1, ports: { http: ${one} }, labels: { version: v1 } }
    - { address: 127.0.0.1, ports: { http: ${two} }, labels: { version: v2 } }
`;

let worker: Worker;
let servers: readonly [Server, Server];

before(async () => {
  servers = [await connectServer('http1', v1), await connectServer('http1', v2)];
  const RULES = rulesOf(servers[0].port, servers[1].port);
  worker = await startWorker(bundle('test/edge/client-worker.ts'), { RULES });
});
after(async () => {
  await worker.dispose();
  await Promise.all(servers.map((server) => server.kill()));
});

for (const protocol of ['connect', 'grpc-web'])
  for (const [user, want] of [
    ['laurence', 'v1.0.0'],
    ['admin', 'v2.0.0'],
    ['nobody', '[permission_denied] fault filter abort'],
  ] as const)
    test(`createRoutedTransport() routes ${user} over ${protocol} in workerd`, async () => {
      const body = JSON.stringify({ protocol, user });
      const answer = await worker.fetch('/', { method: 'POST', body });
      assert.equal(await answer.text(), want);
    });
