/**
 * Asks Envoy and HAProxy what they make of the inputs of this folder and writes it into the files beside ours.
 *
 *     test/peer/install.sh envoy haproxy
 *     bun test/wire/corpus/record.ts
 *
 * Each peer runs on loopback with the configuration in peer/ between a client that sends the input and an endpoint
 * that notes what it is passed. Waits 300 ms after the last byte of each case.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import { findPeer } from '../../peer/find.ts';
import { bytesOf, type Case, printPassed, readCases, textOf } from './corpus.ts';
import { bytesOfFrames, type FrameCase, refusalOf } from './frame.ts';
import { parseMessages } from './message.ts';

const QUIET_MS = 300;
/** How long is waited for a first byte, or the end of the connection: Envoy closes a second after what was wrong. */
const FIRST_MS = 1500;

/** What HAProxy wants of a handshake; the answers of the corpus have the key's Sec-WebSocket-Accept. */
const WEBSOCKET = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

type PeerName = 'envoy' | 'haproxy';

/** Ports of a peer: HTTP/1.1, h2c, and its endpoint. */
interface Ports {
  readonly http1: number;
  readonly http2: number;
  readonly backend: number;
}

const PEERS: Readonly<Record<PeerName, { ports: Ports; file: string; args(config: string): string[] }>> = {
  envoy: {
    ports: { http1: 19480, http2: 19480, backend: 19482 },
    file: 'envoy.yaml',
    args: (config) => ['-c', config, '--concurrency', '1', '-l', 'off', '--disable-hot-restart'],
  },
  haproxy: {
    ports: { http1: 19490, http2: 19491, backend: 19492 },
    file: 'haproxy.cfg',
    args: (config) => ['-db', '-f', config],
  },
};

/** What the endpoint has read, a text for each connection, and what it answers: whole requests with 200, or these bytes. */
class Backend {
  texts: string[] = [];
  answer: { readonly bytes: Uint8Array; readonly ends: boolean } | undefined;

  async listen(port: number): Promise<() => void> {
    const server = createServer((socket) => this.#serve(socket));
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
    return () => server.close();
  }

  #serve(socket: Socket): void {
    let text = '';
    let index = -1;
    let answered = 0;
    let texts = this.texts;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      if (texts !== this.texts || index < 0) {
        texts = this.texts; // another case uses the connection again
        index = texts.push('') - 1;
        text = '';
        answered = 0;
      }
      text += textOf(chunk);
      texts[index] = text;
      if (this.answer !== undefined) {
        if (answered++ > 0) return;
        socket.write(this.answer.bytes);
        if (this.answer.ends) socket.end();
        return;
      }
      const whole = parseMessages(text).filter((message) => message.hasEnded).length;
      for (; answered < whole; answered++) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
  }
}

/** Sends bytes and returns what comes back, until nothing has come for a while. */
async function exchange(
  port: number,
  bytes: Uint8Array,
  quietMs = QUIET_MS,
): Promise<{ output: Uint8Array; isClosed: boolean }> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Uint8Array[] = [];
  let isClosed = false;
  await new Promise<void>((done) => {
    let quiet = setTimeout(done, FIRST_MS);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      clearTimeout(quiet);
      quiet = setTimeout(done, quietMs);
    });
    socket.on('close', () => {
      isClosed = true;
      done();
    });
    socket.on('error', () => {});
    socket.write(bytes);
  });
  socket.destroy();
  return { output: Buffer.concat(chunks), isClosed };
}

async function requestOutcome(ports: Ports, backend: Backend, input: string): Promise<string> {
  backend.texts = [];
  backend.answer = undefined;
  const { output, isClosed } = await exchange(ports.http1, bytesOf(input));
  const parts = backend.texts.flatMap((text) => parseMessages(text)).map(printPassed);
  const answers = textOf(output);
  const refused = /HTTP\/1\.\d ([45]\d\d)/.exec(answers)?.[1];
  const saysClose = isClosed || /\r\nconnection: close\r\n/i.test(answers);
  if (refused !== undefined) return [...parts, `refused ${refused}`].join(' then ');
  if (parts.length === 0) return isClosed ? 'closed' : 'waits';
  return parts.join(' then ') + (saysClose ? ' closed' : '');
}

interface AnswerCase extends Case {
  readonly method?: string;
  readonly upgrade?: string;
  readonly ends?: boolean;
}

async function answerOutcome(ports: Ports, backend: Backend, answer: AnswerCase): Promise<string> {
  backend.texts = [];
  backend.answer = { bytes: bytesOf(answer.input), ends: answer.ends ?? false };
  const upgrade = answer.upgrade ? `Connection: upgrade\r\nUpgrade: ${answer.upgrade}\r\n${WEBSOCKET}` : '';
  const request = `${answer.method ?? 'GET'} / HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`;
  const { output, isClosed } = await exchange(ports.http1, bytesOf(request));
  const messages = parseMessages(textOf(output), answer.method === 'HEAD', isClosed);
  const parts = messages.map((message) =>
    /^50[0-4]$/.test(message.line) ? `refused ${message.line}` : printPassed(message),
  );
  return parts.length === 0 ? (isClosed ? 'closed' : 'waits') : parts.join(' then ');
}

async function frameOutcome(ports: Ports, backend: Backend, frames: string): Promise<string> {
  backend.texts = [];
  backend.answer = undefined;
  const { output, isClosed } = await exchange(ports.http2, bytesOfFrames(frames), 2 * FIRST_MS);
  const parts = backend.texts.flatMap((text) => parseMessages(text)).map(printPassed);
  const decoder = new HpackDecoder();
  const refusal = refusalOf(output, (block) => {
    let status = 0;
    decoder.decode(block, 0, block.length, {
      field([name, value]) {
        if (name === ':status') status = Number(value);
      },
    });
    return status;
  });
  if (refusal !== undefined) parts.push(refusal);
  else if (isClosed) parts.push('refused, closed');
  return parts.length === 0 ? 'waits' : parts.join(' then ');
}

async function record(
  name: PeerName,
  requests: Case[],
  answers: AnswerCase[],
  frames: FrameCase[],
): Promise<void> {
  const program = findPeer(name);
  if (program === undefined)
    throw new Error(`${name} is not installed; test/peer/install.sh ${name} gets it`);
  const { ports, file, args } = PEERS[name];
  const folder = mkdtempSync(join(tmpdir(), 'corpus-'));
  const config = join(folder, file);
  const template = readFileSync(join(import.meta.dirname, 'peer', file), 'utf8');
  const text = template
    .replaceAll('@PORT@', String(ports.http1))
    .replaceAll('@PORT2@', String(ports.http2))
    .replaceAll('@BACKEND@', String(ports.backend));
  writeFileSync(config, text);
  const backend = new Backend();
  const stop = await backend.listen(ports.backend);
  const peer = spawn(program, args(config), { stdio: 'inherit' });
  try {
    await new Promise((done) => setTimeout(done, 2500));
    for (const request of requests) {
      Object.assign(request, { [name]: await requestOutcome(ports, backend, request.input) });
    }
    for (const answer of answers)
      Object.assign(answer, { [name]: await answerOutcome(ports, backend, answer) });
    for (const one of frames) Object.assign(one, { [name]: await frameOutcome(ports, backend, one.frames) });
  } finally {
    peer.kill();
    stop();
    rmSync(folder, { recursive: true });
  }
}

const requests = readCases('request.json');
const answers = readCases<AnswerCase>('response.json');
const frames = readCases<FrameCase>('http2.json');
await Promise.all((Object.keys(PEERS) as PeerName[]).map((name) => record(name, requests, answers, frames)));
for (const [file, cases] of [
  ['request.json', requests],
  ['response.json', answers],
  ['http2.json', frames],
] as const) {
  writeFileSync(join(import.meta.dirname, file), `${JSON.stringify(cases, null, 2)}\n`);
}
process.exit(0);
