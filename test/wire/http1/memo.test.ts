/** What is remembered of heads never shows: each request is what its own bytes say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http1ServerConnection } from '../../../wire/http1/server.ts';
import type { Field, RequestHead } from '../../../wire/stream.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { bytesOf } from '../corpus/corpus.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 200);
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

const NAMES = ['accept', 'x-a', 'x-b', 'X-A', 'cookie', 'authorization', 'user-agent'];
const VALUES = ['1', '2', '', 'a b', 'text/plain', 'y'.repeat(150), `${'y'.repeat(149)}z`, 'y'.repeat(300)];

interface Sent {
  path: string;
  host: string;
  fields: Field[];
}

/** Nearly always what was sent before, changed in one place. */
function change(draws: Draws, before: Sent): Sent {
  const next: Sent = { ...before, fields: [...before.fields] };
  const at = draws.below(next.fields.length + 1);
  switch (draws.below(8)) {
    case 0:
      next.path = draws.pick(['/', '/a', '/b', `/${'p'.repeat(draws.below(50))}`]);
      break;
    case 1:
      next.host = draws.pick(['a', 'b', 'a.b:80']);
      break;
    case 2:
      next.fields.splice(at, 1);
      break;
    case 3:
      if (next.fields.length < 8) next.fields.splice(at, 0, [draws.pick(NAMES), draws.pick(VALUES)]);
      break;
    case 4:
      if (at < next.fields.length) next.fields[at] = [next.fields[at]![0], draws.pick(VALUES)];
      break;
    case 5:
      if (at < next.fields.length) next.fields[at] = [next.fields[at]![0], `id-${draws.below(1e6)}`];
      break;
    default:
  }
  return next;
}

function textOfRequest({ path, host, fields }: Sent, length: number): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const framing = length > 0 ? `Content-Length: ${length}\r\n` : '';
  return `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}${framing}\r\n${'x'.repeat(length)}`;
}

test('Http1ServerConnection reads each of many heads of a connection as if it were the first', () => {
  for (let seed = SEED; seed < SEED + RUNS; seed++) {
    const draws = createDraws(seed);
    const heads: RequestHead[] = [];
    const bodies: number[] = [];
    const connection = new Http1ServerConnection(
      {
        wake() {},
        pauseInput() {},
        close() {},
        request(stream, head, hasEnded) {
          heads.push(head);
          bodies.push(0);
          if (hasEnded) stream.respond(204, [], true);
          return {
            data(chunk) {
              bodies[bodies.length - 1]! += chunk.length;
            },
            end: () => stream.respond(204, [], true),
            reset() {},
            sent() {},
          };
        },
      },
      { scheme: 'http', nowMs: 0 },
    );
    let sent: Sent = { path: '/', host: 'a', fields: [['accept', '*/*']] };
    for (let call = 0; call < 40; call++) {
      sent = change(draws, sent);
      const length = draws.oneIn(3) ? draws.below(3) : 0;
      const bytes = bytesOf(textOfRequest(sent, length));
      const cutAt = draws.oneIn(3) ? draws.below(bytes.length) : 0;
      if (cutAt > 0) connection.receive(bytes.slice(0, cutAt));
      connection.receive(bytes.slice(cutAt));
      connection.output.shift(connection.output.length);
      connection.flushed();
      connection.turned();
      const fields = sent.fields.map(([name, value]) => [name.toLowerCase(), value]);
      if (length > 0) fields.push(['content-length', String(length)]);
      const want = { method: 'POST', scheme: 'http', authority: sent.host, path: sent.path, headers: fields };
      assert.deepEqual(heads.at(-1), want, `repeat with FUZZ_SEED=${seed} FUZZ_RUNS=1`);
      assert.deepEqual([heads.length, bodies.at(-1)], [call + 1, length]);
    }
  }
});
