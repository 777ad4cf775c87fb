import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadline, DeadlineError } from '../../traffic/forward/deadline.ts';

test('createDeadline() aborts after its time, counted from its start', async () => {
  const deadline = createDeadline(20);
  const startedMs = performance.now();
  deadline.start();
  await new Promise((done) => deadline.signal.addEventListener('abort', done));
  assert.ok(performance.now() - startedMs >= 15);
  assert.ok(deadline.signal.reason instanceof DeadlineError);
});

test('createDeadline() does nothing before its start, after its stop, and for no time at all', async () => {
  const waiting = createDeadline(1);
  const stopped = createDeadline(1);
  stopped.start();
  stopped.stop();
  const none = createDeadline(0);
  none.start();
  const other = createDeadline(20);
  other.start();
  await new Promise((done) => other.signal.addEventListener('abort', done));
  assert.deepEqual(
    [waiting, stopped, none].map(({ signal }) => signal.aborted),
    [false, false, false],
  );
});
