/** Requests whose access log real Envoy has written, and the upstream that answers them. */
import * as http from 'node:http';
import * as net from 'node:net';
import { type Server, start } from '../world.ts';

/** One request, and which part of the log it is about. */
export interface LoggedCase {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  /** Node's flat list, without `host`. */
  readonly headers?: readonly string[];
  readonly host?: string;
  readonly body?: string;
  /** The client leaves after so long, as there will be no answer. */
  readonly leavesAfterMs?: number;
  /** All that the client sends, in place of the rest. */
  readonly bytes?: string;
}

/** Hosts of {@link RULES}. */
export const UP = 'up.default.svc.cluster.local';
export const DOWN = 'down.default.svc.cluster.local';

/** What Envoy was given in its own words by `access-log-record.ts`. */
export const RULES = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: up }
spec:
  host: up
  subsets: [{ name: empty, labels: { none: such } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: up }
spec:
  hosts: [up]
  http:
    - { name: direct, match: [{ uri: { prefix: /direct } }], directResponse: { status: 418, body: { string: tea } } }
    - { name: redirect, match: [{ uri: { prefix: /redirect } }], redirect: { uri: /else } }
    - { name: abort, match: [{ uri: { exact: /abort } }], fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }, route: [{ destination: { host: up } }] }
    - { name: cors, match: [{ uri: { prefix: /cors } }], corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }], allowMethods: [GET] }, route: [{ destination: { host: up } }], retries: { attempts: 0 } }
    - { name: cors-abort, match: [{ uri: { prefix: /abort-cors } }], fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }, corsPolicy: { allowOrigins: [{ exact: 'https://a.example' }], allowMethods: [GET] }, route: [{ destination: { host: up } }], retries: { attempts: 0 } }
    - { name: old, match: [{ uri: { prefix: /old } }], rewrite: { uri: /ok }, route: [{ destination: { host: up } }], headers: { request: { set: { x-set: by-rule } }, response: { set: { x-back: again } } }, retries: { attempts: 0 } }
    - { name: slow, match: [{ uri: { prefix: /slow } }], timeout: 0.05s, route: [{ destination: { host: up } }], retries: { attempts: 0 } }
    - { name: flaky, match: [{ uri: { prefix: /flaky } }], route: [{ destination: { host: up } }], retries: { attempts: 1, retryOn: 5xx, backoff: 1ms } }
    - { name: down, match: [{ uri: { prefix: /down } }], route: [{ destination: { host: down } }], retries: { attempts: 0 } }
    - { name: empty, match: [{ uri: { prefix: /empty } }], route: [{ destination: { host: up, subset: empty } }], retries: { attempts: 0 } }
    - { name: main, match: [{ uri: { prefix: / } }], route: [{ destination: { host: up } }], retries: { attempts: 0 } }
`;

/** Sent one after the other. */
export const CASES: readonly LoggedCase[] = [
  {
    name: 'an answer',
    path: '/ok?x=1',
    headers: ['user-agent', 'tester/1.0', 'x-forwarded-for', '10.1.2.3'],
  },
  { name: 'a body', method: 'POST', path: '/ok', headers: ['content-length', '5'], body: 'hello' },
  { name: 'HEAD', method: 'HEAD', path: '/ok' },
  { name: 'a rewritten path and changed headers', path: '/old/place?q=1' },
  { name: 'a direct response', path: '/direct' },
  { name: 'a redirect', path: '/redirect' },
  { name: 'no virtual host', path: '/x', host: 'nobody' },
  { name: 'no virtual host, asked by gRPC', method: 'POST', path: '/a.B/C', host: 'nobody', headers: GRPC() },
  { name: 'an injected fault', path: '/abort' },
  { name: 'a preflight', method: 'OPTIONS', path: '/cors', headers: PREFLIGHT() },
  { name: 'a preflight that a fault aborts', method: 'OPTIONS', path: '/abort-cors', headers: PREFLIGHT() },
  { name: 'a timeout', path: '/slow' },
  { name: 'retries used up', path: '/flaky' },
  { name: 'a refused connection', path: '/down' },
  { name: 'no endpoint', path: '/empty' },
  { name: 'a connection that breaks before the answer', path: '/reset' },
  { name: 'a connection that breaks in the answer', path: '/half' },
  { name: 'a gRPC status in the head', method: 'POST', path: '/grpc', headers: GRPC() },
  { name: 'a client that leaves', path: '/wait', leavesAfterMs: 100 },
  { name: 'a method that is none', path: '', bytes: wrong('x: y').replace('POST', 'P(ST') },
  { name: 'a field name with a space', path: '', bytes: wrong('x y: z') },
  { name: 'a length that is no number', path: '', bytes: wrong('content-length: five') },
  { name: 'two framings', path: '', bytes: wrong('content-length: 5\r\ntransfer-encoding: chunked') },
  { name: 'a head that is too large', path: '', bytes: wrong(`x-large: ${'x'.repeat(70_000)}`) },
  { name: 'a chunk without a size', path: '', bytes: `${wrong('transfer-encoding: chunked')}zz\r\n` },
];

/** A request whose head has one line more. */
function wrong(line: string): string {
  return `POST /ok?x=1 HTTP/1.1\r\nhost: ${UP}\r\nuser-agent: tester/1.0\r\n${line}\r\n\r\n`;
}

function PREFLIGHT(): readonly string[] {
  return ['origin', 'https://a.example', 'access-control-request-method', 'GET'];
}

function GRPC(): readonly string[] {
  return ['content-type', 'application/grpc', 'content-length', '0', 'te', 'trailers'];
}

/** Istio's own formats, and one of commands that they do not have. */
export const EXTRA_FORMAT = [
  '%REQ(x-set)%',
  '%REQ(x-none)%',
  '%REQ(user-agent):4%',
  '%REQ(x-none?:method)%',
  '%RESP(content-type)%',
  '%RESP(x-back)%',
  '%TRAILER(x-none)%',
  '%RESPONSE_FLAGS_LONG%',
  '%GRPC_STATUS%',
  '%GRPC_STATUS(SNAKE_STRING)%',
  '%GRPC_STATUS_NUMBER%',
  '%UPSTREAM_CLUSTER%',
  '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%PATH(NQ:ORIG_OR_PATH)%',
  '%START_TIME(%Y/%m/%d)%',
  '100%%',
].join(' ');

/** An upstream that does what the path says. */
export function openUpstream(): Promise<Server> {
  return start(
    http.createServer((request, response) => {
      request.resume();
      const path = (request.url ?? '').split('?')[0];
      const text = { 'content-type': 'text/plain', 'content-length': '5' };
      if (path === '/flaky') response.writeHead(503, text).end('later');
      else if (path === '/reset') request.socket.destroy();
      else if (path === '/half') {
        response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '10' }).write('half!');
        setTimeout(() => request.socket.destroy(), 50);
      } else if (path === '/grpc')
        response.writeHead(200, { 'content-type': 'application/grpc', 'grpc-status': '7' }).end();
      else if (path !== '/slow' && path !== '/wait') response.writeHead(200, text).end('hello');
    }),
  );
}

/** Sends a case's request; resolves when its answer has ended, however it did. */
export function send(
  port: number,
  { method = 'GET', path, headers = [], host = UP, body, leavesAfterMs, bytes }: LoggedCase,
): Promise<void> {
  if (bytes !== undefined) return sendBytes(port, bytes);
  return new Promise((done) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: ['host', host, ...headers],
        setHost: false,
        agent: false,
      },
      (response) => {
        response.resume();
        response.once('close', done);
        response.once('error', () => {});
      },
    );
    request.once('error', () => done());
    request.end(body);
    if (leavesAfterMs !== undefined) setTimeout(() => request.destroy(), leavesAfterMs);
  });
}

/** Resolves when the server has closed. */
function sendBytes(port: number, bytes: string): Promise<void> {
  return new Promise((done) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => {}).resume();
    socket.once('end', () => socket.end());
    socket.once('close', () => done());
  });
}

/** A line without what no two runs have in common: times, ids and ports. */
export function settled(line: string): string {
  return (
    line
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
      .replace(/\d{4}\/\d\d\/\d\d/g, '<day>')
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<uuid>')
      .replace(/127\.0\.0\.1:\d+/g, '<address>')
      // Bytes received and sent stay, how long it took and the upstream's time do not.
      .replace(
        /" (\d+) (\d+) \d+ (\d+|-) "/,
        (_, received, sent, time) => `" ${received} ${sent} <ms> ${time === '-' ? '-' : '<ms>'} "`,
      )
      .replace(/"(duration|upstream_service_time)":"?\d+"?/g, '"$1":"<ms>"')
  );
}
