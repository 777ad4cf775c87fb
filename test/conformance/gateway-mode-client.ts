/**
 * The client of a case: sends a request exactly as it is written, over a connection of its own. HTTP/1.1 is put
 * together and read here, so that methods and paths can be what no client library sends; HTTP/2 is the wire's engine.
 */
import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { connect } from '../../upstream/remote/connect.ts';
import { Driver, nowMs } from '../../upstream/socket/driver.ts';
import { ByteWriter } from '../../wire/byte-writer.ts';
import { Http2ClientConnection } from '../../wire/http2/client.ts';
import { type FieldList, NO_FIELDS, type Stream } from '../../wire/stream.ts';
import type { CaseRequest } from './world.ts';

/** What the client got. */
export interface ClientAnswer {
  /** 0: there was no answer, or it broke off. */
  readonly status: number;
  readonly headers: FieldList;
  readonly trailers: FieldList;
  readonly body: string;
  readonly elapsedMs: number;
  readonly error?: string;
}

/** One connection of a client, for one request at a time. */
export interface Client {
  send(request: CaseRequest, id: string): Promise<ClientAnswer>;
  close(): void;
}

/** How long an answer may take. */
const LIMIT_MS = 10_000;

/** Connects to a port of this machine, and says that it dialled another; HTTP/1.1 over TLS, where there is a name for it, says nothing. */
export function openClient(
  proto: CaseRequest['proto'],
  port: number,
  dialled: number,
  sni?: string,
): Promise<Client> {
  const header = proxyHeader(dialled);
  const opened = proto === 'h1' ? openHttp1(port, header, sni) : openHttp2(port, header);
  return opened.catch(({ message }: Error) => ({ send: async () => failed(message, nowMs()), close() {} }));
}

/** A PROXY header, version 2, from and to this machine. */
function proxyHeader(dialled: number): Uint8Array {
  const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
  const local = [127, 0, 0, 1];
  const ports = [0x30, 0x39, dialled >> 8, dialled & 0xff];
  return Uint8Array.from([...signature, 0x21, 0x11, 0, 12, ...local, ...local, ...ports]);
}

/** The body's bytes; undefined where there is none. */
function bodyOf({ body, bodyB64 }: CaseRequest): Uint8Array | undefined {
  if (bodyB64 !== undefined) return Uint8Array.from(atob(bodyB64), (char) => char.charCodeAt(0));
  return body === undefined ? undefined : new TextEncoder().encode(body);
}

function failed(error: string, startedMs: number): ClientAnswer {
  const elapsedMs = nowMs() - startedMs;
  return { status: 0, headers: NO_FIELDS, trailers: NO_FIELDS, body: '', elapsedMs, error };
}

async function openHttp2(port: number, header: Uint8Array): Promise<Client> {
  const { connection, driver } = await new Promise<{ connection: Http2ClientConnection; driver: Driver }>(
    (resolve, reject) => {
      connect(
        { kind: 'socket', address: '127.0.0.1', port },
        {
          opened(socket) {
            const first = new ByteWriter();
            first.append(header);
            socket.send(first);
            const driver = new Driver(socket, () => {});
            const connection = new Http2ClientConnection(driver, { nowMs: nowMs() });
            driver.start(connection);
            resolve({ connection, driver });
          },
          failed: (_reason, detail) => reject(new Error(detail)),
        },
        'h2',
        {},
      );
    },
  );
  return {
    send(request, id) {
      const { method, authority, path, scheme = 'http' } = request;
      const headers = [...(request.headers ?? []), ['x-oracle-id', id] as const].map(
        ([name, value]) => [name.toLowerCase(), value] as const,
      );
      const body = bodyOf(request);
      const startedMs = nowMs();
      return new Promise((resolve) => {
        let status = 0;
        let head: FieldList = NO_FIELDS;
        const chunks: Uint8Array[] = [];
        const done = (trailers: FieldList): void => {
          clearTimeout(limit);
          const text = new TextDecoder().decode(Buffer.concat(chunks));
          resolve({ status, headers: head, trailers, body: text, elapsedMs: nowMs() - startedMs });
        };
        const stream: Stream = connection.open(
          { method, scheme, authority, path, headers },
          body === undefined,
          {
            inform() {},
            response(code, fields, hasEnded) {
              status = code;
              head = fields;
              if (hasEnded) done(NO_FIELDS);
            },
            data(chunk) {
              chunks.push(chunk.slice());
              stream.consumed(chunk.length);
            },
            end: done,
            reset(reason, detail) {
              clearTimeout(limit);
              resolve(failed(`${reason}: ${detail}`, startedMs));
            },
            sent() {},
          },
        );
        const limit = setTimeout(() => {
          stream.reset(8);
          resolve(failed('no answer in time', startedMs));
        }, LIMIT_MS);
        if (body) {
          stream.write(body);
          stream.end(NO_FIELDS);
        }
      });
    },
    close: () => driver.destroy(),
  };
}

async function openHttp1(port: number, header: Uint8Array, sni: string | undefined): Promise<Client> {
  const to = { host: '127.0.0.1', port };
  const socket =
    sni === undefined
      ? net.connect({ ...to, noDelay: true })
      : tls.connect({ ...to, servername: sni, rejectUnauthorized: false });
  await once(socket, sni === undefined ? 'connect' : 'secureConnect');
  if (sni === undefined) socket.write(header);
  let reader: AnswerReader | undefined;
  socket.on('data', (chunk: Uint8Array) => reader?.receive(chunk));
  socket.on('close', () => reader?.ended());
  socket.on('error', () => reader?.ended());
  return {
    send(request, id) {
      const { method, authority, path } = request;
      const body = bodyOf(request);
      const startedMs = nowMs();
      const headers = [...(request.headers ?? []), ['x-oracle-id', id] as const];
      const lines = [
        `${method} ${path} HTTP/1.1`,
        `Host: ${authority}`,
        ...headers.map(([n, v]) => `${n}: ${v}`),
      ];
      if (body) lines.push(`Content-Length: ${body.length}`);
      const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
      return new Promise((resolve) => {
        const limit = setTimeout(() => done(undefined), LIMIT_MS);
        const done = (
          answer: Pick<ClientAnswer, 'status' | 'headers' | 'trailers' | 'body'> | undefined,
        ): void => {
          clearTimeout(limit);
          reader = undefined;
          resolve(
            answer ? { ...answer, elapsedMs: nowMs() - startedMs } : failed('no whole answer', startedMs),
          );
        };
        reader = new AnswerReader(method === 'HEAD', done);
        socket.write(body ? Buffer.concat([head, body]) : head);
      });
    },
    close: () => void socket.destroy(),
  };
}

/** Reads one HTTP/1.1 answer; what it cannot read is no answer. */
class AnswerReader {
  readonly #isHead: boolean;
  readonly #done: (
    answer: Pick<ClientAnswer, 'status' | 'headers' | 'trailers' | 'body'> | undefined,
  ) => void;
  #bytes = Buffer.alloc(0);

  constructor(isHead: boolean, done: AnswerReader['done']) {
    this.#isHead = isHead;
    this.#done = done;
  }

  get done(): (answer: Pick<ClientAnswer, 'status' | 'headers' | 'trailers' | 'body'> | undefined) => void {
    return this.#done;
  }

  receive(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#read(false);
  }

  ended(): void {
    this.#read(true);
  }

  #read(isLast: boolean): unknown {
    const at = this.#bytes.indexOf('\r\n\r\n');
    if (at === -1) return isLast ? this.#done(undefined) : undefined;
    const [statusLine = '', ...lines] = this.#bytes.toString('latin1', 0, at).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    if (status >= 100 && status < 200) {
      this.#bytes = this.#bytes.subarray(at + 4);
      return this.#read(isLast);
    }
    const headers = lines.map(fieldOf);
    const answer = { status, headers, trailers: NO_FIELDS, body: '' };
    const rest = this.#bytes.subarray(at + 4);
    const length = headers.find(([name]) => name === 'content-length')?.[1];
    if (this.#isHead || status === 204 || status === 304) return this.#done(answer);
    if (headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked')) {
      const whole = dechunk(rest.toString('latin1'));
      if (whole) this.#done({ ...answer, ...whole });
      else if (isLast) this.#done(undefined);
    } else if (length !== undefined) {
      if (rest.length >= Number(length))
        this.#done({ ...answer, body: rest.toString('utf8', 0, Number(length)) });
      else if (isLast) this.#done(undefined);
    } else if (isLast) this.#done({ ...answer, body: rest.toString('utf8') });
  }
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** Undefined while something is missing. */
function dechunk(text: string): { body: string; trailers: FieldList } | undefined {
  let body = '';
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = Number.parseInt(text.slice(at, end), 16);
    at = end + 2;
    if (size === 0) {
      const rest = text.slice(at);
      if (rest.startsWith('\r\n'))
        return { body: Buffer.from(body, 'latin1').toString(), trailers: NO_FIELDS };
      const last = rest.indexOf('\r\n\r\n');
      if (last === -1) return undefined;
      return {
        body: Buffer.from(body, 'latin1').toString(),
        trailers: rest.slice(0, last).split('\r\n').map(fieldOf),
      };
    }
    if (text.length < at + size + 2) return undefined;
    body += text.slice(at, at + size);
    at += size + 2;
  }
}
