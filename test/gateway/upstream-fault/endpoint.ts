/** Endpoints that fail in one way each, byte by byte what they say, the same on every runtime. Imports node only. */
import { createServer, type Socket } from 'node:net';

/** What an endpoint does with one connection: called with each piece that comes, and the number of the connection, from 1. */
export type Fails = (connection: Connection) => void;

/** One connection as its endpoint sees it. */
export interface Connection {
  readonly socket: Socket;
  /** From 1. */
  readonly index: number;
  /** Told each request, from 1, when its head is whole; `stream` is its id on HTTP/2. */
  onRequest(answer: (request: number, stream: number) => void): void;
}

/** An endpoint that listens. */
export interface FaultyEndpoint {
  readonly port: number;
  /** Requests whose heads came. */
  readonly requests: number;
  /** Connections that are open. */
  readonly open: number;
  close(): Promise<void>;
}

/** Opens one on a free port. */
export async function openEndpoint(protocol: 'http1' | 'http2', fails: Fails): Promise<FaultyEndpoint> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let requests = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    connections++;
    const listeners: ((request: number, stream: number) => void)[] = [];
    const came = (stream: number): void => {
      requests++;
      for (const listener of listeners) listener(requests, stream);
    };
    if (protocol === 'http1') readHeads(socket, came);
    else readStreams(socket, came);
    fails({ socket, index: connections, onRequest: (answer) => void listeners.push(answer) });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as { port: number }).port,
    get requests() {
      return requests;
    },
    get open() {
      return sockets.size;
    },
    close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

function readHeads(socket: Socket, came: (stream: number) => void): void {
  let text = '';
  socket.on('data', (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      text = text.slice(end + 4 + length);
      came(0);
    }
  });
}

const PREFACE_BYTES = 24;

/** Kinds of frames. Source: RFC 9113, section 6. */
const FRAME = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, GOAWAY: 7 } as const;

function readStreams(socket: Socket, came: (stream: number) => void): void {
  let bytes = Buffer.alloc(0);
  let isPrefaced = false;
  socket.on('data', (chunk: Uint8Array) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (!isPrefaced) {
      if (bytes.length < PREFACE_BYTES) return;
      bytes = bytes.subarray(PREFACE_BYTES);
      isPrefaced = true;
    }
    while (bytes.length >= 9) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < 9 + length) return;
      const kind = bytes[3]!;
      const stream = bytes.readUInt32BE(5);
      bytes = bytes.subarray(9 + length);
      if (kind === FRAME.HEADERS) came(stream);
    }
  });
}

function frame(kind: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
};

const END_STREAM = 1;
const END_HEADERS = 4;
/** `:status: 200` by its place in HPACK's static table. */
const STATUS_200 = Uint8Array.of(0x88);

/** HTTP/2 frames as bytes. */
export const http2 = {
  settings: (): Buffer => frame(FRAME.SETTINGS, 0, 0),
  settingsAck: (): Buffer => frame(FRAME.SETTINGS, 1, 0),
  head: (stream: number): Buffer => frame(FRAME.HEADERS, END_HEADERS, stream, STATUS_200),
  data: (stream: number, text: string, isLast: boolean): Buffer =>
    frame(FRAME.DATA, isLast ? END_STREAM : 0, stream, new TextEncoder().encode(text)),
  reset: (stream: number, code: number): Buffer => frame(FRAME.RST_STREAM, 0, stream, words(code)),
  goaway: (lastStream: number, code: number): Buffer => frame(FRAME.GOAWAY, 0, 0, words(lastStream, code)),
  answer: (stream: number): Buffer => Buffer.concat([http2.head(stream), http2.data(stream, 'fine', true)]),
};

/** A whole answer of HTTP/1.1. */
export const FINE = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine';

/** Writes a byte at a time. */
export function writeSlowly(socket: Socket, text: string, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at === text.length || socket.destroyed) return clearInterval(timer);
    socket.write(text[at++]!);
  }, everyMs);
}
