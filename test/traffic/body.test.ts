import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyTooLargeError, watchBody } from '../../traffic/body.ts';

const bytes = (...sizes: number[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const size of sizes) controller.enqueue(new Uint8Array(size));
      controller.close();
    },
  });

test('watchBody() passes the bytes on and tells the end', async () => {
  const { stream, ended } = watchBody(bytes(3, 4));
  assert.equal((await new Response(stream).arrayBuffer()).byteLength, 7);
  assert.deepEqual(await ended, { kind: 'complete' });
});

test('watchBody() takes nothing from its source before it is asked', async () => {
  let pulled = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(1));
      },
    },
    { highWaterMark: 0 },
  );
  const { stream } = watchBody(source);
  await Promise.resolve();
  assert.equal(pulled, 0);
  await stream.getReader().read();
  assert.equal(pulled, 1);
});

test('watchBody() fails a body above its limit and cancels the source', async () => {
  let cancelled = false;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(6)),
    cancel() {
      cancelled = true;
    },
  });
  const { stream, ended } = watchBody(source, { maxBytes: 10 });
  await assert.rejects(new Response(stream).arrayBuffer(), BodyTooLargeError);
  assert.equal((await ended).kind, 'failed');
  assert.ok(cancelled);
});

test('watchBody() tells that its reader gave up, and tells the source', async () => {
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({
    cancel(given) {
      reason = given;
    },
  });
  const { stream, ended } = watchBody(source);
  await stream.cancel('enough');
  assert.equal(reason, 'enough');
  assert.deepEqual(await ended, { kind: 'cancelled' });
});
