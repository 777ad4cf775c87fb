import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder } from '../../../wire/hpack/decoder.ts';
import { Http2ServerConnection } from '../../../wire/http2/server.ts';
import type { FieldList } from '../../../wire/stream.ts';
import { printPassed, readCases, textOf } from './corpus.ts';
import { bytesOfFrames, type FrameCase, refusalOf } from './frame.ts';

/** What the engine of HTTP/2 makes of frames; a request is answered 200 at its end. */
function outcomeOf(frames: string): string {
  const seen: { line: string; fields: FieldList; body: string; trailers: FieldList; hasEnded: boolean }[] =
    [];
  const connection = new Http2ServerConnection(
    {
      wake() {},
      pauseInput() {},
      close() {},
      request(stream, head, hasEnded) {
        const line = `${head.method} ${head.authority || '-'} ${head.path || '-'}`;
        const request = { line, fields: head.headers, body: '', trailers: [] as FieldList, hasEnded };
        seen.push(request);
        if (hasEnded) stream.respond(200, [], true);
        return {
          data(chunk) {
            request.body += textOf(chunk);
          },
          end(trailers) {
            request.trailers = trailers;
            request.hasEnded = true;
            stream.respond(200, [], true);
          },
          reset() {},
          sent() {},
        };
      },
    },
    { nowMs: 0 },
  );
  connection.receive(bytesOfFrames(frames));
  const parts = seen.map(printPassed);
  const decoder = new HpackDecoder();
  const refusal = refusalOf(connection.output.view(), (block) => {
    let status = 0;
    decoder.decode(block, 0, block.length, {
      field([name, value]) {
        if (name === ':status') status = Number(value);
      },
    });
    return status;
  });
  if (refusal !== undefined) parts.push('refused');
  return parts.length === 0 ? 'waits' : parts.join(' then ');
}

test('Http2ServerConnection refuses or passes on every request of the corpus as it says', () => {
  const wrong: string[] = [];
  for (const { name, frames, want } of readCases<FrameCase>('http2.json')) {
    const outcome = outcomeOf(frames);
    if (outcome !== want) wrong.push(`${name}: ${outcome}, not ${want}`);
  }
  assert.deepEqual(wrong, []);
});

test('the corpus says of every input what Envoy and HAProxy made of it', () => {
  for (const file of ['request.json', 'response.json', 'http2.json']) {
    for (const { name, envoy, haproxy } of readCases(file)) {
      assert.ok(envoy && haproxy, `${file}: ${name} was not recorded; run test/wire/corpus/record.ts`);
    }
  }
});
