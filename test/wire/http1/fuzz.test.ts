import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http1ClientConnection } from '../../../wire/http1/client.ts';
import { Http1ServerConnection } from '../../../wire/http1/server.ts';
import type { Field, FieldList, RequestHead, ServerStream, Stream } from '../../../wire/stream.ts';
import { growsLinearly } from '../../router/fuzz/growth.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { bytesOf, readCases, textOf } from '../corpus/corpus.ts';
import { clientOutcome, serverOutcome } from './ours.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 500);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

/** Calls with the draws of each seed; a failure says how to repeat it. */
function forSeeds(run: (draws: Draws) => void): void {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    try {
      run(createDraws(seed));
    } catch (error) {
      throw new Error(`Repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1: ${error}`, { cause: error });
    }
  }
}

const inputsOf = (file: string) =>
  readCases(file)
    .map(({ input }) => bytesOf(input))
    .filter(({ length }) => length < 1000);
const REQUESTS = inputsOf('request.json');
const ANSWERS = inputsOf('response.json');
const TELLING = Array.from(bytesOf('\r\n\r\n\n\0 \t:;,0123456789aAfF/*HTTP/1.1\x7f\xff\x01'));

/** A few inputs one after the other, some bytes of them changed. */
function drawInput(draws: Draws, inputs: readonly Uint8Array[]): Uint8Array {
  const bytes = Array.from({ length: 1 + draws.below(3) }, () => Array.from(draws.pick(inputs))).flat();
  for (let count = draws.below(6); count > 0; count--) {
    const at = draws.below(bytes.length + 1);
    const byte = draws.oneIn(4) ? draws.below(256) : draws.pick(TELLING);
    bytes.splice(at, draws.below(2), ...(draws.oneIn(3) ? [] : [byte]));
  }
  return Uint8Array.from(bytes);
}

function cut(draws: Draws, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + draws.below(draws.pick([1, 3, 40, 200])));
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

test('Http1ServerConnection makes the same of any bytes however they are cut, and passes no line end on', () => {
  const limits = { maxHeadBytes: 300, maxHeaders: 5, maxChunkExtensionBytes: 10 };
  forSeeds((draws) => {
    const bytes = drawInput(draws, REQUESTS);
    const chosen = draws.oneIn(3) ? limits : {};
    const whole = serverOutcome([bytes], chosen);
    assert.equal(serverOutcome(cut(draws, bytes), chosen), whole, JSON.stringify(textOf(bytes)));
    assert.doesNotMatch(whole, /[\r\n\0]/); // bodies are printed with escapes
  });
});

test('Http1ClientConnection makes the same of any bytes however they are cut', () => {
  forSeeds((draws) => {
    const bytes = drawInput(draws, ANSWERS);
    const options = { method: draws.pick(['GET', 'HEAD']), ends: draws.oneIn(2) };
    const whole = clientOutcome([bytes], options);
    assert.equal(clientOutcome(cut(draws, bytes), options), whole, JSON.stringify(textOf(bytes)));
    assert.doesNotMatch(whole, /[\r\n\0]/);
  });
});

test('Http1ServerConnection and Http1ClientConnection take random bytes', () => {
  forSeeds((draws) => {
    const bytes = Uint8Array.from({ length: draws.below(300) }, () => draws.below(256));
    serverOutcome([bytes]);
    clientOutcome([bytes], { ends: true });
  });
});

/** Text that is a field's, or nearly. */
function drawText(draws: Draws, alphabet: string): string {
  const bad = draws.oneIn(12);
  return Array.from({ length: draws.below(20) }, () =>
    bad && draws.oneIn(4) ? String.fromCharCode(draws.below(0x200)) : draws.pick([...alphabet]),
  ).join('');
}

const NAMES = [
  'x',
  'accept',
  'Content-Length',
  'transfer-encoding',
  'connection',
  'host',
  'upgrade',
  'te',
  'cookie',
];

function drawFields(draws: Draws): Field[] {
  return Array.from({ length: draws.below(5) }, () => [
    draws.oneIn(2) ? draws.pick(NAMES) : drawText(draws, 'abc-_.'),
    draws.oneIn(3) ? draws.pick(['0', '2', 'chunked', 'close', '']) : drawText(draws, 'abc 09,;=\t\xe9'),
  ]);
}

/** Fields of which a hop keeps no more than the list says. */
const OF_A_HOP = /^(host|content-length|transfer-encoding|connection|upgrade)$/;

function kept(fields: FieldList): string[] {
  return fields
    .map(([name, value]) => `${name.toLowerCase()}: ${value.replace(/^[ \t]+|[ \t]+$/g, '')}`)
    .filter((line) => !OF_A_HOP.test(line.slice(0, line.indexOf(':'))));
}

test('a request is sent by Http1ClientConnection as the one request that it is, or not at all', () => {
  let count = 0;
  forSeeds((draws) => {
    const head: RequestHead = {
      method: draws.pick(['GET', 'POST', 'HEAD', 'PROPFIND', 'G T', 'GET /\r\n', 'GET\0', '']),
      scheme: 'http',
      authority: draws.oneIn(3) ? drawText(draws, 'ab.:0') : 'a',
      path: `/${drawText(draws, 'ab/?=&% ')}`,
      headers: drawFields(draws),
    };
    const body = draws.oneIn(2) ? undefined : textOf(bytesOf(drawText(draws, 'ab\r\n0')));
    const client = new Http1ClientConnection(silent());
    let isReset = false;
    const stream = client.open(head, body === undefined, {
      ...receiver(),
      reset: () => {
        isReset = true;
      },
    });
    if (body !== undefined) {
      stream.write(bytesOf(body));
      stream.end(drawFields(draws));
    }
    const seen = readRequests(textOf(client.output.view()));
    if (isReset) {
      // A body that is not as long as its head said: nothing of it is there beyond that length.
      assert.ok(seen.length === 0 || (seen.length === 1 && (body ?? '').startsWith(seen[0]!.body)));
      return;
    }
    count++;
    const wanted = {
      method: head.method,
      authority: head.authority,
      path: head.path,
      fields: kept(head.headers),
    };
    assert.deepEqual(seen, [{ ...wanted, body: body ?? '', hasEnded: true }]);
  });
  assert.ok(count > RUNS / 10, 'enough of them can be sent');
});

interface SeenRequest {
  method: string;
  authority: string;
  path: string;
  fields: string[];
  body: string;
  hasEnded: boolean;
}

function readRequests(text: string): SeenRequest[] {
  const seen: SeenRequest[] = [];
  const server = new Http1ServerConnection(
    {
      ...silent(),
      request(stream, { method, authority, path, headers }, hasEnded) {
        const request: SeenRequest = { method, authority, path, fields: kept(headers), body: '', hasEnded };
        seen.push(request);
        if (hasEnded) stream.respond(204, [], true);
        return {
          ...receiver(),
          data(chunk) {
            request.body += textOf(chunk);
          },
          end() {
            request.hasEnded = true;
            stream.respond(204, [], true);
          },
        };
      },
    },
    { scheme: 'http', nowMs: 0 },
  );
  server.receive(bytesOf(text));
  return seen;
}

test('an answer is sent by Http1ServerConnection as the one answer that it is, or as 502', () => {
  let count = 0;
  forSeeds((draws) => {
    const status = draws.oneIn(5) ? draws.below(1100) : draws.pick([200, 204, 304, 404]);
    const headers = drawFields(draws);
    const body = draws.oneIn(2) ? undefined : textOf(bytesOf(drawText(draws, 'ab\r\n0')));
    const method = draws.pick(['GET', 'HEAD']);
    let stream: ServerStream | undefined;
    let isReset = false;
    const server = new Http1ServerConnection(
      {
        ...silent(),
        request(opened) {
          stream = opened;
          return {
            ...receiver(),
            reset() {
              isReset = true;
            },
          };
        },
      },
      { scheme: 'http', nowMs: 0 },
    );
    server.receive(bytesOf(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`));
    stream!.respond(status, headers, body === undefined);
    if (body !== undefined) {
      stream!.write(bytesOf(body));
      stream!.end(drawFields(draws));
    }
    const seen = { status: 0, fields: [] as string[], body: '', hasEnded: false };
    const client = new Http1ClientConnection(silent());
    client.open({ method, scheme: 'http', authority: 'a', path: '/', headers: [] }, true, {
      ...receiver(),
      response(answered, fields, hasEnded) {
        Object.assign(seen, { status: answered, fields: kept(fields), hasEnded });
      },
      data(chunk) {
        seen.body += textOf(chunk);
      },
      end() {
        seen.hasEnded = true;
      },
    });
    client.receive(bytesOf(textOf(server.output.view())));
    if (isReset) return; // 502, or a body that is not as long as its head said
    count++;
    const hasBody = method === 'GET' && status !== 204 && status !== 304;
    assert.deepEqual(seen, {
      status,
      fields: kept(headers),
      body: hasBody ? (body ?? '') : '',
      hasEnded: true,
    });
  });
  assert.ok(count > RUNS / 10, 'enough of them can be sent');
});

test('Http1ServerConnection takes calls in any order: one close, and nothing behind it', () => {
  forSeeds((draws) => {
    const streams: Stream[] = [];
    let closed = 0;
    let running = 0;
    const server = new Http1ServerConnection(
      {
        wake() {},
        pauseInput() {
          assert.equal(closed, 0, 'input is paused after the end');
        },
        close() {
          assert.equal(running, 0, 'a stream was not told of the end');
          closed++;
        },
        request(stream, _head, hasEnded) {
          assert.equal(closed, 0, 'a request is handed over after the end');
          streams.push(stream);
          let isOver = false;
          let inputOver = hasEnded;
          const live = () => {
            assert.ok(!isOver, 'a stream is told more after a reset');
            assert.ok(!inputOver, 'a body goes on after its end');
          };
          return {
            data: live,
            end() {
              live();
              inputOver = true;
            },
            reset() {
              assert.ok(!isOver);
              isOver = true;
            },
            sent(count) {
              assert.ok(count > 0);
            },
          };
        },
      },
      { scheme: 'http', nowMs: 0, limits: { maxBufferedBytes: 50 } },
    );
    let now = 0;
    for (let step = 0; step < 30; step++) {
      const stream = streams.length > 0 ? draws.pick(streams.slice(-2)) : undefined;
      const act = draws.below(12);
      if (act < 4) for (const piece of cut(draws, draws.pick(REQUESTS))) server.receive(piece.slice());
      else if (act === 4)
        (stream as ServerStream | undefined)?.respond(draws.pick([200, 204, 101, 400]), [], draws.oneIn(2));
      else if (act === 5) stream?.write(new Uint8Array(draws.below(9)));
      else if (act === 6) stream?.end([]);
      else if (act === 7) stream?.consumed(draws.below(20));
      else if (act === 8) {
        server.output.shift(draws.below(server.output.length + 1));
        server.flushed();
        server.turned();
      } else if (act === 9) {
        now += draws.below(4000);
        server.tick(now);
      } else if (act === 10 && draws.oneIn(5)) server.drain();
      else if (act === 11 && draws.oneIn(5)) draws.oneIn(2) ? stream?.reset(8) : server.inputEnded();
      running = 0;
      assert.ok(server.streamCount <= 1);
    }
    server.inputEnded();
    for (const stream of streams) stream.end([]);
    assert.ok(closed <= 1);
    if (server.describe() === 'closed') assert.equal(closed, 1);
  });
});

const chunkedHead = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

for (const family of [
  {
    name: 'a long value byte by byte',
    make: (size: number) => byByte(`GET / HTTP/1.1\r\nX: ${'y'.repeat(size)}`),
  },
  {
    name: 'short lines byte by byte',
    make: (size: number) => byByte(`GET / HTTP/1.1\r\n${'x:\r\n'.repeat(size / 4)}`),
  },
  { name: 'empty lines byte by byte', make: (size: number) => byByte('\r\n'.repeat(size / 2)) },
  { name: 'chunks of one byte', make: (size: number) => whole(chunkedHead + '1\r\nx\r\n'.repeat(size / 6)) },
  {
    name: 'pipelined requests',
    make: (size: number) => whole('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(size / 27)),
  },
]) {
  test(`Http1ServerConnection reads ${family.name} in time that grows as they do`, () =>
    growsLinearly(family, 100_000));
}

const WIDE = { maxHeadBytes: 1e9, maxHeaders: 1e9 };

function byByte(text: string): () => unknown {
  const pieces = Array.from(bytesOf(text), (byte) => Uint8Array.of(byte));
  return () => serverOutcome(pieces, WIDE);
}

function whole(text: string): () => unknown {
  const bytes = bytesOf(text);
  return () => serverOutcome([bytes], WIDE);
}

function silent() {
  return { wake() {}, pauseInput() {}, close() {} };
}

function receiver() {
  return { data() {}, end() {}, reset() {}, sent() {}, inform() {}, response() {} };
}
