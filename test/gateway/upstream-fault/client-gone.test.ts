/** What becomes of a call whose client leaves, in each phase: the upstream is told, and nothing stays under way. */
import assert from 'node:assert/strict';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { test } from 'node:test';
import { type RequestOutcome, textSource } from '../../../gateway/index.ts';
import { noH2, openGateway, remoteService } from '../world.ts';
import { type Fails, type FaultyEndpoint, openEndpoint } from './endpoint.ts';

interface Phase {
  readonly name: string;
  /** More of the rule, in YAML's flow style. */
  readonly rule?: string;
  /** What chance says; default the highest number there can be. */
  readonly draw?: number;
  /** Of the DestinationRule. */
  readonly policy?: string;
  readonly endpoint: Fails;
  /** The client leaves when this holds. `draws`: how often the gateway has left something to chance. */
  readonly isReached: (endpoint: FaultyEndpoint, received: string, draws: number) => boolean;
  /** The client sends a part of a body. */
  readonly hasBody?: true;
  /** Before the flag of who has left. Default: none. */
  readonly flags?: string;
  /** Requests that the endpoint has seen in the end. */
  readonly requests: 0 | 1;
}

const PHASES: readonly Phase[] = [
  {
    name: 'while a fault delays it',
    rule: 'fault: { delay: { fixedDelay: 10s, percentage: { value: 99 } } }, ',
    draw: 0,
    endpoint: () => {},
    isReached: (_endpoint, _received, draws) => draws > 0,
    flags: 'DI,',
    requests: 0,
  },
  {
    name: 'while a connection is opened',
    policy: 'tls: { mode: SIMPLE, insecureSkipVerify: true }',
    endpoint: () => {},
    isReached: ({ open }) => open === 1,
    requests: 0,
  },
  {
    name: 'amid its body',
    endpoint: () => {},
    isReached: ({ requests }) => requests === 1,
    hasBody: true,
    requests: 1,
  },
  {
    name: 'before the answer',
    endpoint: () => {},
    isReached: ({ requests }) => requests === 1,
    requests: 1,
  },
  {
    name: 'while a retry waits',
    rule: 'retries: { attempts: 5, retryOn: 5xx, backoff: 10s }, ',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n')),
    isReached: ({ requests, open }) => requests === 1 && open === 0,
    requests: 1,
  },
  {
    name: 'amid the answer',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')),
    isReached: (_endpoint, received) => received.endsWith('half'),
    requests: 1,
  },
];

async function until(holds: () => boolean): Promise<void> {
  for (let count = 0; !holds() && count < 600; count++) await new Promise((done) => setTimeout(done, 5));
  assert.ok(holds());
}

/** Asks, and is gone when it is told to. */
interface Client {
  readonly received: string;
  /** What Envoy tells of its leaving: the flag and the details. */
  readonly told: readonly [flag: string, details: string];
  leave(): void;
}

function overHttp1(port: number, hasBody: boolean): Client {
  const socket = net.connect(port, '127.0.0.1');
  let received = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Uint8Array) => {
    received += Buffer.from(chunk).toString();
  });
  const length = hasBody ? 'content-length: 10\r\n' : '';
  socket.write(
    `${hasBody ? 'POST' : 'GET'} / HTTP/1.1\r\nhost: echo\r\n${length}\r\n${hasBody ? 'half' : ''}`,
  );
  return {
    get received() {
      return received;
    },
    told: ['DC', 'downstream_remote_disconnect'],
    leave: () => void socket.destroy(),
  };
}

function overHttp2(port: number, hasBody: boolean): Client {
  const socket = net.connect(port, '127.0.0.1');
  const session = http2.connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  session.on('error', () => {});
  const method = hasBody ? 'POST' : 'GET';
  const stream = session.request({ ':method': method, ':authority': 'echo' }, { endStream: !hasBody });
  let received = '';
  stream.on('error', () => {});
  stream.on('data', (chunk: Uint8Array) => {
    received += Buffer.from(chunk).toString();
  });
  if (hasBody) stream.write('half');
  return {
    get received() {
      return received;
    },
    told: hasBody ? ['DC', 'downstream_remote_disconnect'] : ['DR', 'http2.remote_reset'],
    leave() {
      // Node ends a body before it resets its stream, so the connection goes.
      if (hasBody) return void socket.destroy();
      stream.close(http2.constants.NGHTTP2_CANCEL);
      session.close();
    },
  };
}

for (const [protocol, connect, skip] of [
  ['HTTP/1.1', overHttp1, false],
  ['HTTP/2', overHttp2, noH2],
] as const)
  test(`listen() ends the call of a client that leaves over ${protocol}, whenever it does`, {
    skip,
  }, async (t) => {
    for (const {
      name,
      rule = '',
      draw,
      policy,
      endpoint: fails,
      isReached,
      hasBody = false,
      flags = '',
      requests,
    } of PHASES)
      await t.test(name, async (t) => {
        const endpoint = await openEndpoint('http1', fails);
        const outcomes: RequestOutcome[] = [];
        let draws = 0;
        const destinationRule = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec: { host: echo, trafficPolicy: { ${policy} } }
`;
        const { gateway, port } = await openGateway({
          remoteServices: [remoteService('echo', [endpoint])],
          config: textSource(
            'rules.yaml',
            `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec: { hosts: [echo], http: [{ ${rule}route: [{ destination: { host: echo } }] }] }
${policy ? destinationRule : ''}`,
          ),
          random(bound) {
            draws++;
            return draw ?? bound - 1;
          },
          metrics: { requestEnded: (outcome) => void outcomes.push(outcome) },
        });
        t.after(() => Promise.all([gateway.stop(0), endpoint.close()]));
        const client = connect(port, hasBody);
        await until(() => isReached(endpoint, client.received, draws));
        await new Promise((done) => setTimeout(done, 20));
        assert.equal(outcomes.length, 0);
        client.leave();
        await until(() => outcomes.length === 1);
        const { flag, details } = outcomes[0]!;
        assert.deepEqual([flag, details], [`${flags}${client.told[0]}`, client.told[1]]);
        const [cluster] = gateway.clusters();
        assert.deepEqual(
          cluster!.endpoints.map(({ active }) => active),
          [0],
        );
        assert.equal(endpoint.requests, requests);
        // A connection that somebody waits for no more may be opened to its end.
        if (requests === 1) await until(() => endpoint.open === 0);
      });
  });
