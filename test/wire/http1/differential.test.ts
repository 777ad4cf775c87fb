/** Valid messages, cut anywhere, are the same to the engines and to Node's own parser (llhttp). */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request as sendRequest } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { bytesOf } from '../corpus/corpus.ts';
import { clientOutcome, serverOutcome } from './ours.ts';

/** Bun and Deno have parsers of their own under `node:http`, and take no streams for connections. */
const SKIP = 'Bun' in globalThis || 'Deno' in globalThis ? "only Node has Node's parser" : false;
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

interface Message {
  readonly text: string;
  readonly endsConnection: boolean;
}

function drawToken(draws: Draws): string {
  return Array.from({ length: 1 + draws.below(12) }, () => draws.pick([..."abXYZ09-_.!#$%&'*+^`|~"])).join(
    '',
  );
}

/** Fields that frame nothing, in any order and spacing that are allowed. */
function drawFields(draws: Draws): string[] {
  return Array.from({ length: draws.below(6) }, () => {
    const value = Array.from({ length: draws.below(30) }, () => draws.pick([...'ab 09,;=:"()\t\xe9\xff']))
      .join('')
      .trim();
    return `x-${drawToken(draws)}:${draws.pick(['', ' ', '\t ', '  '])}${value}${draws.pick(['', ' ', '\t'])}`;
  });
}

function drawBody(draws: Draws): string {
  const length = draws.pick([0, 1, 10, 300, 5000]);
  return Array.from({ length: draws.below(length + 1) }, () => String.fromCharCode(draws.below(256))).join(
    '',
  );
}

function drawChunks(draws: Draws, body: string): string {
  let text = '';
  for (let at = 0; at < body.length; ) {
    const piece = body.slice(at, at + 1 + draws.below(draws.pick([2, 20, 2000])));
    const size = piece.length.toString(16);
    text += `${draws.oneIn(3) ? size.toUpperCase() : size}${draws.oneIn(4) ? ';a=b' : ''}\r\n${piece}\r\n`;
    at += piece.length;
  }
  return `${text}${draws.pick(['0', '00'])}\r\n${drawFields(draws)
    .map((line) => `${line}\r\n`)
    .join('')}\r\n`;
}

function shuffle<T>(draws: Draws, items: readonly T[]): T[] {
  return items
    .map((item) => [draws.below(1e6), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

function drawCase(draws: Draws, name: string): string {
  return Array.from(name, (character) => (draws.oneIn(3) ? character.toUpperCase() : character)).join('');
}

/** A head with its body in one of the framings. */
function drawMessage(draws: Draws, first: string, fields: readonly string[], canHaveBody: boolean): string {
  const body = drawBody(draws);
  const framing = canHaveBody ? draws.pick(['none', 'length', 'chunked']) : 'none';
  const lines = [...fields, ...drawFields(draws)];
  if (framing === 'length') lines.push(`${drawCase(draws, 'content-length')}: ${body.length}`);
  if (framing === 'chunked')
    lines.push(`${drawCase(draws, 'transfer-encoding')}: ${drawCase(draws, 'chunked')}`);
  const head = `${first}\r\n${shuffle(draws, lines)
    .map((line) => `${line}\r\n`)
    .join('')}\r\n`;
  if (framing === 'length') return head + body;
  return framing === 'chunked' ? head + drawChunks(draws, body) : head;
}

function drawRequest(draws: Draws): Message {
  const method = draws.pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
  const path = `/${Array.from({ length: draws.below(20) }, () => draws.pick([...'ab/?=&%2e.;,-_~!$\'()*+:@"<>[]\\^`{|}'])).join('')}`;
  const host = draws.pick(['a', 'a.b:80', '[::1]', 'A-1.b.']);
  return {
    text: drawMessage(draws, `${method} ${path} HTTP/1.1`, [`${drawCase(draws, 'host')}: ${host}`], true),
    endsConnection: false,
  };
}

function cut(draws: Draws, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + draws.below(draws.pick([1, 5, 100, 10_000])));
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** One side of a connection, whose other side is a function. */
class Wire extends Duplex {
  written = '';
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString('latin1');
    done();
  }
}

function print(line: string, message: IncomingMessage, body: string): string {
  const fields = (raw: readonly string[]) => {
    const lines: string[] = [];
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index]!.toLowerCase();
      if (name.startsWith('x-')) lines.push(`${name}: ${raw[index + 1]}`);
    }
    return lines.join(', ');
  };
  const headers = fields(message.rawHeaders);
  const trailers = fields(message.rawTrailers);
  return [line, headers && `[${headers}]`, body && JSON.stringify(body), trailers && `{${trailers}}`]
    .filter(Boolean)
    .join(' ');
}

async function readAll(message: IncomingMessage): Promise<string> {
  message.setEncoding('latin1');
  let body = '';
  for await (const piece of message) body += piece;
  return body;
}

/** Says where two long texts part. */
function assertSame(ours: string, node: string, how: string): void {
  if (ours === node) return;
  let at = 0;
  while (ours[at] === node[at]) at++;
  assert.equal(ours.slice(Math.max(0, at - 40), at + 40), node.slice(Math.max(0, at - 40), at + 40), how);
}

/** What Node makes of requests. */
async function nodeRequests(pieces: readonly Uint8Array[], count: number): Promise<string> {
  const seen: string[] = [];
  let order = 0;
  let done = 0;
  const wire = new Wire();
  const failure = Promise.withResolvers<never>();
  const server = createServer({ insecureHTTPParser: false }, async (message, response) => {
    const index = order++; // bodies may end in another order
    const body = await readAll(message);
    seen[index] = print(`${message.method} ${message.headers.host} ${message.url}`, message, body);
    response.end(() => ++done === count && all.resolve());
  });
  const all = Promise.withResolvers<void>();
  server.on('clientError', (error) => failure.reject(error));
  server.emit('connection', wire);
  for (const piece of pieces) wire.push(Buffer.from(piece));
  await Promise.race([all.promise, failure.promise]);
  wire.destroy();
  return seen.join(' then ');
}

test('Http1ServerConnection makes of valid requests what Node makes of them', { skip: SKIP }, async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const draws = createDraws(seed);
    const messages = Array.from({ length: 1 + draws.below(3) }, () => drawRequest(draws));
    const pieces = cut(draws, bytesOf(messages.map(({ text }) => text).join('')));
    const node = await nodeRequests(pieces, messages.length);
    assertSame(serverOutcome(pieces), node, `repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1`);
  }
});

/** What Node makes of an answer. */
async function nodeAnswer(pieces: readonly Uint8Array[], ends: boolean): Promise<string> {
  const wire = new Wire();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = sendRequest({ createConnection: () => wire, host: 'a', path: '/' }, async (message) => {
    resolve(print(String(message.statusCode), message, await readAll(message)));
  });
  outgoing.on('error', reject);
  outgoing.end();
  await new Promise((done) => setImmediate(done));
  for (const piece of pieces) wire.push(Buffer.from(piece));
  if (ends) wire.push(null);
  return promise.finally(() => wire.destroy());
}

test('Http1ClientConnection makes of valid answers what Node makes of them', { skip: SKIP }, async () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const draws = createDraws(seed);
    const status = draws.pick([200, 201, 204, 304, 404, 500, 599]);
    const reason = draws.pick([' OK', ' Not there', ' \xe9', ' ']);
    const ends = draws.oneIn(4);
    const line = `HTTP/1.1 ${status}${reason}`;
    const hasBody = status !== 204 && status !== 304;
    const text = ends
      ? `${line}\r\nconnection: close\r\n${drawFields(draws)
          .map((field) => `${field}\r\n`)
          .join('')}\r\n${hasBody ? drawBody(draws) : ''}`
      : drawMessage(draws, line, draws.oneIn(2) ? ['connection: keep-alive'] : [], hasBody);
    const isFramed =
      ends || !hasBody || /^(content-length|transfer-encoding):/im.test(text.split('\r\n\r\n')[0]!);
    const pieces = cut(draws, bytesOf(text));
    const node = await nodeAnswer(pieces, ends || !isFramed);
    const ours = clientOutcome(pieces, { ends: ends || !isFramed }).replace(/ closed$/, '');
    assertSame(ours, node, `repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1`);
  }
});
