/**
 * The same bytes to the server's engine and to Node's http2, which is nghttp2: valid connections, framed in every way
 * that is allowed, and such with a fault in them. For Node, as other runtimes have others under that name.
 */
import assert from 'node:assert/strict';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { HpackEncoder } from '../../../wire/hpack/encoder.ts';
import type { Field } from '../../../wire/stream.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { encoded, frame, join, latin1, PADDED, PREFACE, PRIORITY, settings } from './frame.ts';
import { type Call, RawServer } from './pair.ts';

const LAST_PING = [7, 7, 7, 7, 7, 7, 7, 7];
/** What is waited for when a connection was broken in a way that is answered by silence. */
const PATIENCE_MS = 300;

/** A request as a server had it; `isWhole`: to its end. */
interface Seen {
  readonly head: string;
  body: string;
  trailers: string;
  isWhole: boolean;
}

/** By the order in which they came. */
type Outcome = readonly Seen[];

export function drawText(draws: Draws, characters: string, most: number): string {
  return Array.from({ length: draws.below(most + 1) }, () => draws.pick([...characters])).join('');
}

export function drawFields(draws: Draws): Field[] {
  return Array.from({ length: draws.below(8) }, () => [
    `x-${drawText(draws, "ab09-_.!#$%&'*+^`|~", 8)}`,
    drawText(draws, 'ab 09,;=:"()\xe9\xff', draws.pick([3, 30, 3000])).trim(),
  ]);
}

/** HEADERS and CONTINUATION frames of a block, with whatever padding and priority. */
function frameBlock(draws: Draws, id: number, block: Uint8Array, hasEnded: boolean): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < block.length || at === 0; ) {
    const end = draws.oneIn(2) ? block.length : Math.min(block.length, at + 1 + draws.below(4000));
    pieces.push(block.subarray(at, Math.min(end, at + 16_000)));
    at = Math.min(end, at + 16_000);
  }
  return pieces.map((piece, index) => {
    const last = index === pieces.length - 1 ? 4 : 0;
    if (index > 0) return frame('CONTINUATION', last, id, piece);
    const padding = draws.oneIn(3) ? draws.below(200) : -1;
    const priority = draws.oneIn(3) ? [0, 0, 0, 0, draws.below(256)] : [];
    const flags =
      last | (hasEnded ? 1 : 0) | (padding >= 0 ? PADDED : 0) | (priority.length > 0 ? PRIORITY : 0);
    const before = padding >= 0 ? [padding, ...priority] : priority;
    return frame('HEADERS', flags, id, join(before, piece, new Uint8Array(Math.max(0, padding))));
  });
}

function frameBody(draws: Draws, id: number, body: Uint8Array, hasEnded: boolean): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    const end = Math.min(body.length, at + 1 + draws.below(draws.pick([2, 50, 10_000])));
    const isLast = hasEnded && end === body.length && !draws.oneIn(4);
    const padding = draws.oneIn(3) ? draws.below(256) : -1;
    const flags = (isLast ? 1 : 0) | (padding >= 0 ? PADDED : 0);
    const payload = join(
      padding >= 0 ? [padding] : [],
      body.subarray(at, end),
      new Uint8Array(Math.max(0, padding)),
    );
    frames.push(frame('DATA', flags, id, payload));
    if (isLast) return frames;
    at = end;
  }
  if (hasEnded) frames.push(frame('DATA', 1, id));
  return frames;
}

/** Frames of one stream, in their order. */
function drawStream(draws: Draws, id: number, encoder: HpackEncoder): Uint8Array[][] {
  const body = latin1(drawText(draws, 'abc\0\xff', draws.pick([0, 5, 500])));
  const trailers = draws.oneIn(3) ? drawFields(draws) : [];
  const fields: Field[] = [
    [':method', draws.pick(['GET', 'POST', 'BREW'])],
    [':scheme', draws.pick(['http', 'https'])],
    [':path', `/${drawText(draws, 'ab/?=&%', 20)}`],
    [':authority', draws.pick(['a', 'a.b:80'])],
    ...drawFields(draws),
    ...(body.length > 0 && draws.oneIn(3) ? [['content-length', `${body.length}`] as const] : []),
  ];
  const hasTrailers = trailers.length > 0;
  const isShort = body.length === 0 && !hasTrailers && draws.oneIn(2);
  // Blocks are coded in the order in which they are sent: those of a stream only when it is its turn.
  const head = () => frameBlock(draws, id, encoded(fields, encoder), isShort);
  const rest = isShort ? [] : frameBody(draws, id, body, !hasTrailers).map((each) => () => [each]);
  const tail = hasTrailers ? [() => frameBlock(draws, id, encoded(trailers, encoder), true)] : [];
  return [head, ...rest, ...tail] as never;
}

/** A client's bytes: a few streams, their frames mixed. With `isBroken` a byte is another, or a piece missing or twice. */
function drawBytes(draws: Draws, isBroken: boolean): Uint8Array {
  const encoder = new HpackEncoder();
  const pieces: Uint8Array[] = [PREFACE, settings()];
  const open: (() => Uint8Array[])[][] = [];
  let nextId = 1;
  for (let left = 1 + draws.below(6); left > 0 || open.length > 0; ) {
    if (left > 0 && (open.length === 0 || draws.oneIn(2))) {
      open.push(drawStream(draws, nextId, encoder) as never);
      nextId += 2 + 2 * draws.below(3);
      left--;
      // Ids go up, so that a head is sent before the next stream is begun.
      pieces.push(...open.at(-1)!.shift()!());
    } else {
      const frames = draws.pick(open);
      const next = frames.shift();
      if (next) pieces.push(...next());
      else open.splice(open.indexOf(frames), 1);
    }
    if (draws.oneIn(8)) pieces.push(frame('PRIORITY', 0, nextId + 100, [0, 0, 0, 0, 9]));
    if (draws.oneIn(8)) pieces.push(frame(0xbe, draws.below(256), draws.below(9), [1, 2, 3]));
  }
  if (isBroken) {
    const at = 2 + draws.below(pieces.length - 2);
    const piece = pieces[at]!.slice();
    const fault = draws.below(4);
    if (fault === 0) pieces.splice(at, 1);
    else if (fault === 1) pieces.splice(at, 0, piece);
    else {
      const place = draws.oneIn(2) ? draws.below(Math.min(piece.length, 30)) : draws.below(piece.length);
      piece[place] = draws.oneIn(2) ? piece[place]! ^ (1 << draws.below(8)) : draws.below(256);
      pieces[at] = piece;
    }
  }
  return join(...pieces, frame('PING', 0, 0, LAST_PING));
}

/** Cuts anywhere. */
function cut(draws: Draws, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + draws.below(draws.pick([5, 100, 100_000])));
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

const inWords = (fields: readonly Field[]): string =>
  fields.map(([name, value]) => `${name}: ${value}`).join('\n');

/** A head, its pseudo headers in the order of their names: that in which they come means nothing. */
function headInWords(fields: readonly Field[]): string {
  const pseudo = fields.filter(([name]) => name.startsWith(':')).sort(([a], [b]) => (a < b ? -1 : 1));
  return inWords([...pseudo, ...fields.filter(([name]) => !name.startsWith(':'))]);
}

/** Says where the two part, of texts that may be long. */
function assertSame(ours: unknown, theirs: unknown, how: string): void {
  const [one, other] = [JSON.stringify(ours), JSON.stringify(theirs)];
  if (one === other) return;
  let at = 0;
  while (one[at] === other[at]) at++;
  assert.equal(one.slice(Math.max(0, at - 60), at + 60), other.slice(Math.max(0, at - 60), at + 60), how);
}

function oursOf(pieces: readonly Uint8Array[]): Outcome {
  const server = new RawServer(undefined, { maxResets: 10_000 });
  server.send(...pieces);
  return server.owner.calls.map((call: Call) => {
    const { method, scheme, path, authority, headers } = call.head;
    const last = call.log.at(-1)!;
    return {
      head: headInWords([
        [':method', method],
        [':scheme', scheme],
        [':path', path],
        [':authority', authority],
        ...headers,
      ]),
      body: Buffer.concat(call.chunks).toString('latin1'),
      trailers: /^end \[(.*)\]$/s.exec(last)?.[1] ?? '',
      isWhole: last.startsWith('end') || call.log[0]!.endsWith(' ended'),
    };
  });
}

/** One side of a connection, whose other side is a function. */
class Wire extends Duplex {
  readonly answered: Promise<void>;
  #told = (): void => {};
  #text = '';

  constructor() {
    super();
    this.answered = new Promise((done) => {
      this.#told = done;
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#text += chunk.toString('latin1');
    if (this.#text.includes(String.fromCharCode(...LAST_PING))) this.#told();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#told();
    done(error);
  }
}

const pairs = (raw: readonly string[]): Field[] =>
  Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index]!, raw[2 * index + 1]!]);

/** Node's server. */
export class NodeServer {
  readonly #server = createServer({ settings: { initialWindowSize: 1 << 20 }, maxSessionInvalidFrames: 1e6 });
  #seen: Seen[] = [];

  constructor() {
    this.#server.on('session', (session: ServerHttp2Session) => session.on('error', () => {}));
    this.#server.on('sessionError', () => {});
    this.#server.on('stream', (stream: ServerHttp2Stream, _headers, flags: number, raw: string[]) => {
      const seen: Seen = {
        head: headInWords(pairs(raw)),
        body: '',
        trailers: '',
        isWhole: (flags & 1) !== 0,
      };
      this.#seen.push(seen);
      stream.on('error', () => {});
      stream.on('data', (piece: Buffer) => {
        seen.body += piece.toString('latin1');
      });
      stream.on('trailers', (_trailers, _flags, rawTrailers: string[]) => {
        seen.trailers = pairs(rawTrailers)
          .map(([name, value]) => `${name}: ${value}`)
          .join(', ');
      });
      stream.on('end', () => {
        seen.isWhole ||= !stream.aborted && !stream.destroyed;
      });
    });
  }

  async outcomeOf(pieces: readonly Uint8Array[]): Promise<Outcome> {
    this.#seen = [];
    const wire = new Wire();
    wire.on('error', () => {});
    this.#server.emit('connection', wire as never);
    for (const piece of pieces) wire.push(piece);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((done) => {
      timer = setTimeout(done, PATIENCE_MS);
    });
    await Promise.race([wire.answered, patience]);
    clearTimeout(timer);
    // What has come is told a little later than the PING is answered.
    for (let turn = 0; turn < 4; turn++) await new Promise((done) => setImmediate(done));
    wire.destroy();
    return this.#seen;
  }
}

/** How many requests both had to their ends. Throws where they differ. */
export async function compareServers(firstSeed: number, runs: number, isBroken: boolean): Promise<number> {
  const node = new NodeServer();
  let both = 0;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const draws = createDraws(seed);
    const bytes = drawBytes(draws, isBroken);
    const ours = oursOf(cut(draws, bytes));
    const theirs = await node.outcomeOf(cut(draws, bytes));
    const how = `repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1`;
    if (!isBroken) assertSame(ours, theirs, how);
    // Of what is wrong each refuses what it likes. What both have to its end has to be the same to both.
    for (const [index, one] of ours.entries()) {
      const other = theirs.find(({ head }) => head === one.head) ?? theirs[index];
      if (!one.isWhole || !other?.isWhole) continue;
      if (ours.length === theirs.length) assertSame(one, other, how);
      both++;
    }
  }
  return both;
}
