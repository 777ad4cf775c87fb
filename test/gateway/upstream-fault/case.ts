/** Ways in which an endpoint fails, with what real Envoy told the client of each. Data; imports the endpoints. */
import { type Connection, type Fails, FINE, http2, writeSlowly } from './endpoint.ts';

/** One way to fail. */
export interface FaultCase {
  readonly name: string;
  /** What the gateway speaks to the endpoint. Default `http1`. */
  readonly protocol?: 'http2';
  /** What the endpoint does; `refused`: nothing listens; `nameless`: its address is a name that nobody knows. */
  readonly endpoint: Fails | 'refused' | 'nameless';
  /** Of the route, in milliseconds. Default: none. */
  readonly timeoutMs?: number;
  /** Default: Istio's own retries. */
  readonly retries?: { readonly attempts: number; readonly retryOn: string };
  /** The endpoint is spoken to over TLS, and a connection may take so long. */
  readonly tlsConnectTimeoutMs?: number;
  /** Requests, one after the other. Default 1. */
  readonly calls?: number;
  /** Of the last call: what the client got (`broken off`: less than a whole answer), the flags, and the requests that all calls made. */
  readonly want: Told;
  /** Where it is something else here, on purpose. */
  readonly here?: Told;
}

/** See {@link FaultCase.want}. */
export type Told = readonly [answer: string, flags: string, tries: number];

/** A name that no resolver even asks for: a label has at most 63 characters. */
export const UNKNOWN_NAME = `${'x'.repeat(64)}.invalid`;

/** Answers each request with the text. */
const says =
  (text: string): Fails =>
  ({ socket, onRequest }) =>
    onRequest(() => socket.write(text));

/** Does one thing for each request over HTTP/2. */
const onStream =
  (answer: (stream: number, request: number, connection: Connection) => Buffer | undefined): Fails =>
  (connection) => {
    const { socket } = connection;
    let isFirst = true;
    socket.write(http2.settings());
    connection.onRequest((request, stream) => {
      if (isFirst) socket.write(http2.settingsAck());
      isFirst = false;
      const bytes = answer(stream, request, connection);
      if (bytes) connection.socket.write(bytes);
    });
  };

const NO_ERROR = 0;
const INTERNAL_ERROR = 2;
const REFUSED_STREAM = 7;

const before = 'upstream connect error or disconnect/reset before headers.';

/** Each answered by Envoy 1.40 as it says. */
export const FAULT_CASES: readonly FaultCase[] = [
  {
    name: 'refuses connections',
    endpoint: 'refused',
    want: [`503 ${before} retried and the latest reset reason: remote connection failure`, 'URX,UF', 0],
  },
  {
    name: 'has a name that nobody knows',
    endpoint: 'nameless',
    want: ['503 no healthy upstream', 'UH', 0],
  },
  {
    name: 'takes no connection in time',
    endpoint: () => {},
    tlsConnectTimeoutMs: 60,
    retries: { attempts: 0, retryOn: '' },
    want: [`503 ${before} reset reason: connection timeout`, 'UF', 0],
  },
  {
    name: 'never answers',
    endpoint: () => {},
    timeoutMs: 60,
    want: ['504 upstream request timeout', 'UT', 1],
  },
  {
    name: 'closes instead of answering',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.destroy()),
    want: [`503 ${before} reset reason: connection termination`, 'UC', 1],
  },
  {
    name: 'closes amid the head of its answer',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.end('HTTP/1.1 200 OK\r\ncontent-le')),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'closes amid the body of its answer',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')),
    want: ['broken off', 'UPE', 1],
  },
  {
    name: 'resets its connection instead of answering',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.resetAndDestroy()),
    want: [`503 ${before} reset reason: connection termination`, 'UC', 1],
  },
  {
    name: 'resets its connection amid the body of its answer',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
        setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    want: ['broken off', 'UPE', 1],
  },
  {
    name: 'resets its connection amid an answer that it does not say the length of',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nhalf');
        setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    // Nobody could tell that half of it is missing.
    here: ['broken off', 'UC', 1],
    want: ['200 half', '-', 1],
  },
  {
    name: 'ends an answer that it does not say the length of',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.end('HTTP/1.1 200 OK\r\n\r\nfine')),
    want: ['200 fine', '-', 1],
  },
  {
    name: 'ends no chunk',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n')),
    want: ['broken off', 'UPE', 1],
  },
  {
    name: 'answers garbage',
    endpoint: says('\u0000\u0001 this is no answer\r\n\r\n'),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers garbage without an end of a line, and stays',
    endpoint: says('NOT HTTP AT ALL'),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers with an alert of TLS, and stays',
    endpoint: says('\u0015\u0003\u0003\u0000\u0002\u0002\u0016'),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'speaks HTTP/2 where HTTP/1.1 is expected, and stays',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.write(http2.settings())),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers with a head of 70,000 bytes',
    endpoint: says(FINE.replace('\r\n', `\r\nx: ${'x'.repeat(70_000)}\r\n`)),
    want: ['200 fine', '-', 1],
  },
  {
    name: 'answers with a head of 81,800 bytes',
    endpoint: says(FINE.replace('\r\n', `\r\nx: ${'x'.repeat(81_800)}\r\n`)),
    want: ['200 fine', '-', 1],
  },
  {
    name: 'answers with a head of 82,000 bytes',
    endpoint: says(FINE.replace('\r\n', `\r\nx: ${'x'.repeat(82_000)}\r\n`)),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers 204 with a length of nothing',
    endpoint: says('HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n'),
    want: ['204 ', '-', 1],
  },
  {
    name: 'answers 204 with a length',
    endpoint: says('HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\n'),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers 204 with a length and a body',
    endpoint: says('HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nfine'),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers 204 in chunks',
    endpoint: says('HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'answers 700',
    endpoint: says('HTTP/1.1 700 Odd\r\ncontent-length: 4\r\n\r\nfine'),
    want: ['700 fine', '-', 1],
  },
  {
    name: 'answers 700, where 5xx is tried again',
    endpoint: says('HTTP/1.1 700 Odd\r\ncontent-length: 4\r\n\r\nfine'),
    retries: { attempts: 1, retryOn: '5xx,reset' },
    want: ['700 fine', '-', 1],
  },
  {
    name: 'switches protocols unasked',
    endpoint: says('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    // The client would take what follows for another protocol.
    here: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
    want: ['101 ', '-', 1],
  },
  {
    name: 'says 100 unasked before its answer',
    endpoint: says(`HTTP/1.1 100 Continue\r\n\r\n${FINE}`),
    want: ['200 fine', '-', 1],
  },
  {
    name: 'sends garbage amid its body',
    endpoint: says('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n'),
    want: ['broken off', 'UPE', 1],
  },
  {
    name: 'answers twice at once',
    endpoint: says(`${FINE}${FINE}`),
    calls: 2,
    want: ['200 fine', '-', 2],
  },
  {
    name: 'answers by the byte',
    endpoint: ({ socket, onRequest }) => onRequest(() => writeSlowly(socket, FINE, 1)),
    want: ['200 fine', '-', 1],
  },
  {
    name: 'answers by the byte, too slowly',
    endpoint: ({ socket, onRequest }) => onRequest(() => writeSlowly(socket, FINE, 15)),
    timeoutMs: 100,
    want: ['504 upstream request timeout', 'UT', 1],
  },
  {
    name: 'answers in time and then by the byte, too slowly',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
        writeSlowly(socket, 'x'.repeat(1000), 5);
      }),
    timeoutMs: 100,
    want: ['broken off', 'UT', 1],
  },
  {
    name: 'closes a kept connection as it is used',
    endpoint: ({ socket, onRequest }) => {
      let requests = 0;
      onRequest(() => (++requests === 1 ? socket.write(FINE) : socket.destroy()));
    },
    calls: 2,
    want: [`503 ${before} reset reason: connection termination`, 'UC', 2],
  },
  {
    name: 'closes a kept connection as it is used, where resets are tried again',
    endpoint: ({ socket, onRequest }) => {
      let requests = 0;
      onRequest(() => (++requests === 1 ? socket.write(FINE) : socket.destroy()));
    },
    retries: { attempts: 2, retryOn: 'reset' },
    calls: 2,
    want: ['200 fine', '-', 3],
  },
  {
    name: 'closes each kept connection at once',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.end(FINE)),
    calls: 3,
    want: ['200 fine', '-', 3],
  },
  {
    name: 'closes what it has accepted',
    endpoint: ({ socket }) => void socket.destroy(),
    want: [`503 ${before} reset reason: connection termination`, 'UC', 0],
  },
  {
    name: 'goes away before the request',
    protocol: 'http2',
    endpoint: onStream((stream, request, { socket }) => {
      if (request > 1) return http2.answer(stream);
      socket.end(http2.goaway(0, NO_ERROR));
      return undefined;
    }),
    want: ['200 fine', '-', 2],
  },
  {
    name: 'goes away after the request',
    protocol: 'http2',
    endpoint: onStream((stream, _request, { socket }) => {
      socket.write(http2.goaway(stream, NO_ERROR));
      return http2.answer(stream);
    }),
    calls: 3,
    want: ['200 fine', '-', 3],
  },
  {
    name: 'goes away with an error',
    protocol: 'http2',
    endpoint: onStream((stream, _request, { socket }) => {
      socket.end(http2.goaway(stream, INTERNAL_ERROR));
      return undefined;
    }),
    want: [`503 ${before} reset reason: connection termination`, 'UC', 1],
  },
  {
    name: 'refuses the stream',
    protocol: 'http2',
    endpoint: onStream((stream, request) =>
      request === 1 ? http2.reset(stream, REFUSED_STREAM) : http2.answer(stream),
    ),
    want: ['200 fine', '-', 2],
  },
  {
    name: 'resets the stream',
    protocol: 'http2',
    endpoint: onStream((stream) => http2.reset(stream, INTERNAL_ERROR)),
    want: [`503 ${before} reset reason: remote reset`, 'UR', 1],
  },
  {
    name: 'resets the stream amid its body',
    protocol: 'http2',
    endpoint: onStream((stream) =>
      Buffer.concat([
        http2.head(stream),
        http2.data(stream, 'half', false),
        http2.reset(stream, INTERNAL_ERROR),
      ]),
    ),
    want: ['broken off', 'UR', 1],
  },
  {
    name: 'speaks HTTP/1.1 where HTTP/2 is expected',
    protocol: 'http2',
    endpoint: ({ socket }) => {
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
    },
    want: [`502 ${before} reset reason: protocol error`, 'UPE', 1],
  },
  {
    name: 'says nothing where HTTP/2 is expected',
    protocol: 'http2',
    endpoint: () => {},
    timeoutMs: 60,
    want: ['504 upstream request timeout', 'UT', 1],
  },
];
