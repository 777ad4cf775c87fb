/**
 * The client's engine and nghttp2's server with a socket in between: requests of every kind under settings of every kind.
 * nghttpd says what it had and what it sent, a line each; the engine has to have sent and had the same.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../../upstream/remote/connect.ts';
import { Driver, nowMs } from '../../../upstream/socket/driver.ts';
import type { Socket } from '../../../upstream/socket/socket.ts';
import { Http2ClientConnection } from '../../../wire/http2/client.ts';
import type { Http2Limits } from '../../../wire/http2/limit.ts';
import type { Field, FieldList, ResponseReceiver, Stream } from '../../../wire/stream.ts';
import { closedPort } from '../../closed-port.ts';
import { findPeer } from '../../peer/find.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { drawFields } from './differential.ts';

/** Files that are asked for, by their sizes. */
const FILE_BYTES = [0, 1, 1000, 16_384, 16_385, 70_000, 300_000];
/** A connection that has not come to its end by then has come to a standstill. */
const PATIENCE_MS = 20_000;

/** A request or an answer as one of the two sides had it. */
interface Message {
  readonly fields: string[];
  bytes: number;
  readonly trailers: string[];
}

/** One stream, as one of the two sides had it. */
interface Exchange {
  readonly request: Message;
  readonly answer: Message;
}

const message = (): Message => ({ fields: [], bytes: 0, trailers: [] });
const exchange = (): Exchange => ({ request: message(), answer: message() });
const line = ([name, value]: Field): string => `${name}: ${value}`;

/** A file's bytes, or a body's: no two places alike for long. */
function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8) * 17) & 255);
}

/** How a server is started and what its client allows it. */
interface Setting {
  readonly args: readonly string[];
  readonly echoes: boolean;
  readonly limits: Partial<Http2Limits>;
}

function drawSetting(draws: Draws): Setting {
  const args: string[] = [];
  const echoes = !draws.oneIn(4);
  const windowBits = draws.pick([4, 10, 16, 20, 30]);
  args.push(`--window-bits=${windowBits}`, `--connection-window-bits=${draws.pick([16, 20, 30])}`);
  args.push(`--padding=${draws.pick([0, 0, 1, 30, 255])}`);
  args.push(`--max-concurrent-streams=${draws.pick([1, 3, 100])}`);
  args.push(`--header-table-size=${draws.pick([0, 50, 200, 4096, 65_536])}`);
  args.push(`--encoder-header-table-size=${draws.pick([0, 50, 200, 4096])}`);
  if (draws.oneIn(2)) args.push('--trailer=x-last: of all', '--trailer=x-more: \xe9');
  if (draws.oneIn(3)) args.push('--no-content-length');
  if (echoes) args.push('--echo-upload');
  else if (draws.oneIn(2)) args.push('--early-response');
  const limits = {
    streamWindowBytes: draws.pick([64, 1000, 16_384, 65_536, 1 << 20]),
    connectionWindowBytes: draws.pick([65_536, 1 << 20]),
    outputHighWaterBytes: draws.pick([1000, 20_000, 256 * 1024]),
    // Small windows are asked for here.
    maxEmptyFrames: 1e9,
  };
  return { args, echoes, limits };
}

/** A request, its answer as it comes, and what it should be. */
class Call implements ResponseReceiver {
  readonly had = exchange();
  readonly chunks: Uint8Array[] = [];
  readonly body: Uint8Array;
  readonly trailers: FieldList;
  readonly path: string;
  readonly method: string;
  /** What the answer's body has to be; undefined: the server's own words. */
  readonly expected: Uint8Array | undefined;
  /** After so many bytes of the answer the client wants no more. */
  readonly resetsAfter: number | undefined;
  /** Bytes are consumed a turn of the loop after they have come. */
  readonly isSlow: boolean;
  readonly #pieceBytes: number;
  readonly #ended: () => void;
  #stream: Stream | undefined;
  failure: string | undefined;
  isOver = false;
  /** Opened before the server had said how many there may be. */
  isEarly = false;

  constructor(draws: Draws, echoes: boolean, ended: () => void) {
    this.#ended = ended;
    this.isSlow = draws.oneIn(4);
    this.resetsAfter = draws.oneIn(10) ? draws.below(5000) : undefined;
    const fileBytes = draws.pick(FILE_BYTES);
    const isUpload = draws.oneIn(2);
    this.method = isUpload ? draws.pick(['POST', 'PUT']) : draws.pick(['GET', 'GET', 'HEAD']);
    // To HEAD for a file that is not there nghttpd answers with a body, which no client may take.
    this.path = this.method !== 'HEAD' && draws.oneIn(8) ? '/missing' : `/${fileBytes}`;
    this.body = isUpload ? pattern(draws.pick([0, 1, 15, 16, 500, 17_000])) : new Uint8Array();
    this.trailers = isUpload && draws.oneIn(3) ? drawFields(draws) : [];
    this.#pieceBytes = draws.pick([7, 1000, 100_000]);
    if (this.method === 'HEAD') this.expected = new Uint8Array();
    else if (isUpload && echoes) this.expected = this.body;
    else if (this.path !== '/missing') this.expected = pattern(fileBytes);
  }

  open(client: Http2ClientConnection, draws: Draws, authority: string): void {
    this.isEarly = client.describe().startsWith('starting');
    const headers: Field[] = drawFields(draws);
    const { method, path, body, trailers } = this;
    if (body.length > 0 && draws.oneIn(2)) headers.push(['content-length', `${body.length}`]);
    const isShort = body.length === 0 && trailers.length === 0;
    this.had.request.fields.push(
      `:method: ${method}`,
      ':scheme: http',
      `:authority: ${authority}`,
      `:path: ${path}`,
      ...headers.map(line),
    );
    this.#stream = client.open({ method, scheme: 'http', authority, path, headers }, isShort, this);
    if (!isShort) void this.#write();
  }

  async #write(): Promise<void> {
    for (let at = 0; at < this.body.length && !this.isOver; at += this.#pieceBytes) {
      this.#stream!.write(this.body.subarray(at, at + this.#pieceBytes));
      await new Promise((done) => setImmediate(done));
    }
    this.#stream!.end(this.trailers);
  }

  sent(bytes: number): void {
    this.had.request.bytes += bytes;
  }

  inform(): void {}

  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.had.answer.fields.push(`:status: ${status}`, ...headers.map(line));
    if (hasEnded) this.#end();
  }

  data(chunk: Uint8Array): void {
    this.chunks.push(chunk.slice());
    this.had.answer.bytes += chunk.length;
    if (this.resetsAfter !== undefined && this.had.answer.bytes > this.resetsAfter) {
      this.#stream!.reset(8);
      this.failure = 'reset by the client';
      this.#end();
    } else if (this.isSlow) setImmediate(() => this.#stream!.consumed(chunk.length));
    else this.#stream!.consumed(chunk.length);
  }

  end(trailers: FieldList): void {
    this.had.answer.trailers.push(...trailers.map(line));
    this.#end();
  }

  reset(reason: string, detail: string): void {
    // A server that has answered may want no more of the request.
    if (!this.isOver) this.failure = `${reason}: ${detail}`;
    this.#end();
  }

  #end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#ended();
  }
}

/** nghttpd at work; its log is read when it has ended. */
class Nghttpd {
  readonly port: number;
  readonly #process: ChildProcess;
  #log = '';

  private constructor(port: number, process: ChildProcess) {
    this.port = port;
    this.#process = process;
    process.stdout!.setEncoding('latin1').on('data', (text) => {
      this.#log += text;
    });
  }

  static async start(args: readonly string[], folder: string): Promise<Nghttpd> {
    const port = await closedPort();
    const all = ['-v', '--no-tls', '--address=127.0.0.1', `--htdocs=${folder}`, ...args, `${port}`];
    // Arguments are text, of which each character here is one byte.
    const child = spawn(findPeer('nghttpd')!, all, { stdio: ['ignore', 'pipe', 'inherit'] });
    const server = new Nghttpd(port, child);
    while (!server.#log.includes('listen')) {
      if (child.exitCode !== null) throw new Error(`nghttpd has ended: ${server.#log}`);
      await sleep(2);
    }
    return server;
  }

  async stop(): Promise<string> {
    const closed = new Promise((done) => this.#process.once('close', done));
    this.#process.kill();
    await closed;
    return this.#log;
  }

  /** What it has said so far. */
  get log(): string {
    return this.#log;
  }
}

/** What nghttpd had and sent, by stream id, and the faults that it found. */
function readLog(log: string): { exchanges: Map<number, Exchange>; faults: string[] } {
  const exchanges = new Map<number, Exchange>();
  const faults: string[] = [];
  const of = (id: string): Exchange => {
    const known = exchanges.get(Number(id)) ?? exchange();
    exchanges.set(Number(id), known);
    return known;
  };
  let isSending = false;
  let hasRequest = new Set<string>();
  let id = '';
  let isHead = false;
  let isFirst = false;
  const add = (to: Message, field: string, isTrailer: boolean): void =>
    void (isTrailer ? to.trailers : to.fields).push(field);
  for (const text of log.split('\n')) {
    const event = /^\[id=\d+\] \[ *[\d.]+\] (.*)$/.exec(text)?.[1];
    if (event === undefined) {
      const field = /^ {10}([^ ;([].*)$/.exec(text)?.[1];
      if (field !== undefined && isSending && isHead) add(of(id).answer, field, !isFirst);
      else if (text.includes('; First response header')) isFirst = true;
      else if (text.includes('(padlen=') && id !== '' && isSending && !isHead)
        of(id).answer.bytes -= paddingOf(text);
      else if (text.includes('(padlen=') && id !== '' && !isSending && !isHead)
        of(id).request.bytes -= paddingOf(text);
      else if (/error_code=(?!NO_ERROR|CANCEL|REFUSED_STREAM)/.test(text)) faults.push(text.trim());
      continue;
    }
    const received = /^recv \(stream_id=(\d+)\) (.*)$/.exec(event);
    if (received) {
      const [, of_ = '', field = ''] = received;
      add(of(of_).request, field, hasRequest.has(of_));
      continue;
    }
    const frame = /^(send|recv) (\w+) frame <length=(\d+), flags=0x\w+, stream_id=(\d+)>/.exec(event);
    id = '';
    isHead = false;
    isFirst = false;
    if (!frame) {
      if (!/closed$/.test(event)) faults.push(event);
      continue;
    }
    const [, way, type, length, stream = ''] = frame;
    isSending = way === 'send';
    if (type === 'HEADERS') {
      id = stream;
      isHead = true;
      if (!isSending) hasRequest = hasRequest.add(stream);
    } else if (type === 'DATA') {
      id = stream;
      of(stream)[isSending ? 'answer' : 'request'].bytes += Number(length);
    }
  }
  return { exchanges, faults };
}

/** Padding and the byte that says how much there is. nghttp2 counts both. */
function paddingOf(text: string): number {
  return Number(/padlen=(\d+)/.exec(text)?.[1] ?? 0);
}

/** How many exchanges came to their ends. Throws where the engine and nghttpd differ. */
export async function compareWithNghttpd(firstSeed: number, runs: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'nghttpd-'));
  for (const bytes of FILE_BYTES) writeFileSync(join(folder, `${bytes}`), pattern(bytes));
  let whole = 0;
  try {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) whole += await compareOnce(seed, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
  return whole;
}

async function compareOnce(seed: number, folder: string): Promise<number> {
  const draws = createDraws(seed);
  const { args, echoes, limits } = drawSetting(draws);
  const server = await Nghttpd.start(args, folder);
  const how = `repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1 (nghttpd ${args.join(' ')})`;
  let log = '';
  let calls: readonly Call[] = [];
  try {
    calls = await exchangeAll(draws, server.port, echoes, limits, how);
  } finally {
    log = await server.stop();
  }
  const { exchanges, faults } = readLog(log);
  assert.deepEqual(faults, [], how);
  let whole = 0;
  for (const [index, call] of calls.entries()) {
    const theirs = exchanges.get(2 * index + 1);
    const where = `stream ${2 * index + 1}, ${how}`;
    if (call.resetsAfter !== undefined && call.failure === 'reset by the client') continue;
    if (call.isEarly && call.failure?.startsWith('remote-refused-stream-reset')) continue;
    // Before trailers, nghttpd cuts off its own early answer.
    const isUnheard = args.includes('--early-response');
    if (isUnheard && call.failure?.endsWith('with code 0')) continue;
    assert.equal(call.failure, undefined, where);
    assert.deepEqual(theirs?.answer, call.had.answer, where);
    assert.deepEqual(theirs?.request.fields, call.had.request.fields, where);
    if (!isUnheard) {
      assert.equal(call.had.request.bytes, call.body.length, where);
      assert.equal(theirs?.request.bytes, call.body.length, where);
      assert.deepEqual(theirs?.request.trailers, call.trailers.map(line), where);
    }
    const body = Buffer.concat(call.chunks);
    if (call.expected) assert.ok(body.equals(call.expected), `another body, ${where}`);
    whole++;
  }
  return whole;
}

/** Driven from the moment the socket is open: the server speaks at once. */
function connectClient(
  port: number,
  limits: Partial<Http2Limits>,
): Promise<{ driver: Driver; client: Http2ClientConnection }> {
  return new Promise((done, refuse) => {
    const opened = (socket: Socket): void => {
      const driver: Driver = new Driver(socket, () => {});
      const client = new Http2ClientConnection(driver, { nowMs: nowMs(), limits });
      driver.start(client);
      done({ driver, client });
    };
    const failed = (_: unknown, detail: string): void => refuse(new Error(detail));
    connect({ kind: 'socket', address: '127.0.0.1', port }, { opened, failed }, 'h2', {});
  });
}

/** Sends all that is drawn, as many at a time as the server takes. Returns the calls in the order of their streams. */
async function exchangeAll(
  draws: Draws,
  port: number,
  echoes: boolean,
  limits: Partial<Http2Limits>,
  how: string,
): Promise<readonly Call[]> {
  const calls: Call[] = [];
  let wake = (): void => {};
  const { driver, client } = await connectClient(port, limits);
  const late = setTimeout(() => {
    console.error(`standstill: ${client.describe()}`);
    driver.destroy();
  }, PATIENCE_MS);
  for (let left = 1 + draws.below(25); left > 0; left--) {
    while (client.room === 0) {
      assert.ok(
        calls.some(({ isOver }) => !isOver),
        `no room on an empty connection, ${how}`,
      );
      await new Promise<void>((done) => {
        wake = done;
      });
    }
    const call = new Call(draws, echoes, () => wake());
    calls.push(call);
    call.open(client, draws, `127.0.0.1:${port}`);
    // The server's SETTINGS come after the first request, or before it.
    if (draws.oneIn(2)) await sleep(draws.pick([0, 0, 5]));
  }
  while (calls.some(({ isOver }) => !isOver)) {
    await new Promise<void>((done) => {
      wake = done;
    });
  }
  clearTimeout(late);
  client.drain();
  driver.destroy();
  return calls;
}
