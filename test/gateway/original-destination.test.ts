import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as net from 'node:net';
import { test } from 'node:test';
import { createGateway, type GatewayOptions, textSource } from '../../gateway/index.ts';

/** Says who it is, and to which host it was asked. */
async function openServer(name: string): Promise<http.Server & { port: number }> {
  const server = http.createServer((request, response) =>
    response.end(`${name} for ${request.headers.host}`),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return Object.assign(server, { port: (server.address() as net.AddressInfo).port });
}

/** A PROXY header, version 2: from this machine to a port of it. */
function proxyHeader(port: number): Uint8Array {
  const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
  const addresses = [127, 0, 0, 1, 127, 0, 0, 1, 0x30, 0x39, port >> 8, port & 0xff];
  return Uint8Array.from([...signature, 0x21, 0x11, 0, addresses.length, ...addresses]);
}

function ask(port: number, dialled: number, host: string): Promise<string> {
  return new Promise((done, fail) => {
    const socket = net.connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', fail);
    socket.on('close', () => done(`${text.split(' ')[1]} ${text.split('\r\n\r\n')[1]}`));
    socket.write(proxyHeader(dialled));
    socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  });
}

const RULES = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: none }
spec: { hosts: ['*.none.example'], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: NONE }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: direct }
spec: { host: direct.example, trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } } }
`;

const entry = (host: string, port: number): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${host.split('.')[0]} }
spec:
  hosts: [${host}]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1, ports: { http: ${port} } }]
`;

const CASES: readonly (readonly [
  name: string,
  host: string,
  useOriginalDst: boolean,
  want: string,
  meshConfig?: GatewayOptions['meshConfig'],
])[] = [
  ['a host that nobody knows', 'nobody.example', true, '200 dialled for nobody.example'],
  ['a service without endpoints', 'a.none.example', true, '200 dialled for a.none.example'],
  ['PASSTHROUGH', 'direct.example', true, '200 dialled for direct.example'],
  ['no service with endpoints', 'balanced.example', true, '200 balanced for balanced.example'],
  ['nothing where it is not asked to', 'nobody.example', false, '404 '],
  ['no PASSTHROUGH where it is not asked to', 'direct.example', false, '200 balanced for direct.example'],
  [
    'nothing of REGISTRY_ONLY',
    'nobody.example',
    true,
    '502 ',
    { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
  ],
];

test('listen({ useOriginalDst }) sends where the client dialled', async (t) => {
  const dialled = await openServer('dialled');
  const balanced = await openServer('balanced');
  const rules = `${RULES}${entry('direct.example', balanced.port)}${entry('balanced.example', balanced.port)}`;
  for (const [name, host, useOriginalDst, want, meshConfig] of CASES)
    await t.test(name, async () => {
      const gateway = createGateway({
        config: textSource('rules.yaml', rules),
        ...(meshConfig && { meshConfig }),
      });
      const { port } = await gateway.listen({
        port: 0,
        servicePort: 80,
        proxyProtocol: true,
        useOriginalDst,
      });
      assert.equal(await ask(port, dialled.port, host), want);
      const known = gateway.clusters().find((cluster) => cluster.name === 'PassthroughCluster');
      assert.equal(
        known?.endpoints[0]?.address,
        want === CASES[0]![3] ? `127.0.0.1:${dialled.port}` : undefined,
      );
      await gateway.stop(0);
    });
  for (const server of [dialled, balanced]) server.close();
});
