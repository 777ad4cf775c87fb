/** Sends a case's requests byte for byte: HTTP/1.1 by hand, h2 with prior knowledge. */
import { connect as connectH2 } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { append, ID_HEADER } from './upstream.ts';

/** One request as a case has it. */
export interface SentRequest {
  readonly proto: 'h1' | 'h2';
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly scheme?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly bodyB64?: string;
  /** Over TLS, with this name. */
  readonly sni?: string;
}

/** What the client got. */
export interface Received {
  readonly status?: number;
  readonly headers?: Record<string, string[]>;
  readonly trailers?: Record<string, string[]>;
  readonly body?: string;
  readonly error?: string;
}

const LIMIT_MS = 8000;

/** Repeats of any header go as they are. */
// biome-ignore lint/suspicious/noExplicitAny: newer than the types
const SESSION: any = { strictSingleValueFields: false };

/** Sends to the port and waits for the whole answer; `id` goes along as a header. Never throws. */
export function send(port: number, id: string, request: SentRequest): Promise<Received> {
  return request.proto === 'h2' ? sendH2(port, id, request) : sendH1(port, id, request);
}

function bodyOf({ body, bodyB64 }: SentRequest): Buffer {
  return bodyB64 === undefined ? Buffer.from(body ?? '', 'utf8') : Buffer.from(bodyB64, 'base64');
}

function sendH1(port: number, id: string, request: SentRequest): Promise<Received> {
  return new Promise((resolve) => {
    const body = bodyOf(request);
    const hasBody = request.body !== undefined || request.bodyB64 !== undefined;
    const lines = [
      `${request.method} ${request.path} HTTP/1.1`,
      `Host: ${request.authority}`,
      ...(request.headers ?? []).map(([name, value]) => `${name}: ${value}`),
      `${ID_HEADER}: ${id}`,
      ...(hasBody ? [`content-length: ${body.length}`] : []),
    ];
    const { sni } = request;
    const socket =
      sni === undefined
        ? connect(port, '127.0.0.1')
        : connectTls({ port, host: '127.0.0.1', servername: sni, rejectUnauthorized: false });
    let data = Buffer.alloc(0);
    const done = (received: Received) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(received);
    };
    const timer = setTimeout(() => done({ error: 'timeout' }), LIMIT_MS);
    socket.on('error', () => done({ error: 'connection' }));
    socket.on('data', (chunk) => {
      data = Buffer.concat([data, chunk]);
      const received = parseH1(data, request.method, false);
      if (received) done(received);
    });
    socket.on('end', () => done(parseH1(data, request.method, true) ?? { error: 'closed' }));
    socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]));
  });
}

function parseH1(data: Buffer, method: string, ended: boolean): Received | undefined {
  const end = data.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = data.toString('latin1', 0, end).split('\r\n');
  const status = Number(first.split(' ')[1]);
  if (status === 100) return parseH1(data.subarray(end + 4), method, ended);
  const headers: Record<string, string[]> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(':');
    append(headers, line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const rest = data.subarray(end + 4);
  const received = (body: string): Received => ({ status, headers: kept(headers), body });
  if (method === 'HEAD' || status === 204 || status === 304) return received('');
  const length = headers['content-length']?.[0];
  if (length !== undefined) {
    return rest.length >= Number(length) ? received(rest.toString('utf8', 0, Number(length))) : undefined;
  }
  if (headers['transfer-encoding']) {
    let at = 0;
    const parts: Buffer[] = [];
    for (;;) {
      const line = rest.indexOf('\r\n', at);
      if (line === -1) return undefined;
      const size = Number.parseInt(rest.toString('latin1', at, line), 16);
      if (size === 0) return received(Buffer.concat(parts).toString('utf8'));
      if (rest.length < line + 2 + size + 2) return undefined;
      parts.push(rest.subarray(line + 2, line + 2 + size));
      at = line + 2 + size + 2;
    }
  }
  return ended ? received(rest.toString('utf8')) : undefined;
}

const LEFT_OUT = ['date', 'x-request-id', 'x-envoy-upstream-service-time', 'transfer-encoding', 'connection'];

function kept(headers: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !LEFT_OUT.includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function sendH2(port: number, id: string, request: SentRequest): Promise<Received> {
  return new Promise((resolve) => {
    const { sni } = request;
    const session =
      sni === undefined
        ? connectH2(`http://127.0.0.1:${port}`, SESSION)
        : connectH2(`https://127.0.0.1:${port}`, { ...SESSION, servername: sni, rejectUnauthorized: false });
    const done = (received: Received) => {
      clearTimeout(timer);
      session.destroy();
      resolve(received);
    };
    const timer = setTimeout(() => done({ error: 'timeout' }), LIMIT_MS);
    session.on('error', () => done({ error: 'connection' }));
    const body = bodyOf(request);
    const hasBody = request.body !== undefined || request.bodyB64 !== undefined;
    const raw = [
      ...[':method', request.method, ':scheme', request.scheme ?? 'http'],
      ...[':authority', request.authority, ':path', request.path],
      ...(request.headers ?? []).flatMap(([name, value]) => [name.toLowerCase(), value]),
      ...[ID_HEADER, id],
    ];
    let received: Received = { error: 'no answer' };
    const chunks: Buffer[] = [];
    try {
      // biome-ignore lint/suspicious/noExplicitAny: a flat list of names and values keeps repeats apart
      const stream = session.request(raw as any, { endStream: !hasBody });
      stream.on('response', (_headers, _flags, flat: string[]) => {
        const headers: Record<string, string[]> = Object.create(null);
        for (let at = 0; at + 1 < flat.length; at += 2) append(headers, flat[at]!, flat[at + 1]!);
        const status = Number(headers[':status']?.[0]);
        delete headers[':status'];
        received = { status, headers: kept(headers), body: '' };
      });
      stream.on('trailers', (_headers, _flags, flat: string[]) => {
        const trailers: Record<string, string[]> = {};
        for (let at = 0; at + 1 < flat.length; at += 2) append(trailers, flat[at]!, flat[at + 1]!);
        received = { ...received, trailers };
      });
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('error', () => done({ error: 'reset' }));
      stream.on('close', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        done(received.status === undefined ? received : { ...received, body });
      });
      if (hasBody) stream.end(body);
    } catch (error) {
      done({ error: error instanceof Error ? error.message : String(error) });
    }
  });
}
