/**
 * The gateway replaced by a new one while clients call it: one is started, new connections go there, and the old one is
 * told to end, as a Deployment rolls. What stands before them passes connections on, as a Service does.
 */
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { type Program, runtime, start } from '../program.ts';
import { type Answer, traffic } from './caller.ts';

const PER_SECOND = 1000;
const RESTARTS = 2;
const MAX_RUNNING = 90;
/**
 * Who stands still for longer may ask on a connection whose end it has not read, as a drained gateway closes those that
 * nobody has used for a second: HTTP/1.1 has no word for it but `connection: close` in an answer (RFC 9112, 9.3.1).
 */
const STILL_MS = 900;
const LOOKS = 3;

/** Passes connections on to whichever port was named last. */
async function service(): Promise<{ readonly port: number; target: number; close(): void }> {
  const open = new Set<Socket>();
  const balancer = {
    port: 0,
    target: 0,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const gateway = connect({ host: '127.0.0.1', port: balancer.target, noDelay: true, allowHalfOpen: true });
    for (const [from, to] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      open.add(from);
      from.on('close', () => open.delete(from));
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  balancer.port = (server.address() as { port: number }).port;
  return balancer;
}

async function startGateway(): Promise<{ readonly program: Program; readonly port: number }> {
  const program = start('cli/main.ts', ['dev', '--port', '0', '--admin-port', '0']);
  const [, port] = await program.line(/curl .*http:\/\/localhost:(\d+)\/api\.Greeter\/SayHello/);
  return { program, port: Number(port) };
}

/** Watches for how long this process, which is the clients, stood still at most. */
function stillness(): { stop(): number } {
  let [last, longestMs] = [performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  }, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return longestMs;
    },
  };
}

test('a gateway that is replaced while 1,000 calls a second go on loses none of them', {
  // What a burst has queued when a GOAWAY is read, Node's own client refuses without sending it.
  skip: runtime === 'node' && 'node:http2 fails calls of its own that a GOAWAY overtakes',
  timeout: 90_000 * LOOKS,
}, async () => {
  for (let looks = 1; ; looks++) {
    const { failed, answers, stillMs } = await restartUnderLoad();
    console.log(`${answers.length} calls over ${RESTARTS} restarts, ${failed.length} failed`);
    if (failed.length > 0 && stillMs > STILL_MS && looks < LOOKS) continue;
    assert.deepEqual(failed.slice(0, 3), [], `${failed.length} of ${answers.length} calls failed`);
    assert.ok(answers.length > 500, `${answers.length} calls`);
    for (const { admin, id } of answers) assert.equal(id, admin ? 'v2.0.0' : 'v1.0.0');
    return;
  }
});

async function restartUnderLoad(): Promise<{
  readonly answers: readonly Answer[];
  readonly failed: readonly Answer[];
  readonly stillMs: number;
}> {
  const balancer = await service();
  let current = await startGateway();
  balancer.target = current.port;
  const still = stillness();
  try {
    const load = traffic(balancer.port, PER_SECOND, MAX_RUNNING);
    for (let restart = 0; restart < RESTARTS; restart++) {
      const next = await startGateway();
      balancer.target = next.port;
      await new Promise((done) => setTimeout(done, 300));
      current.program.kill('SIGTERM');
      assert.equal(await current.program.exit, 0, current.program.stderr());
      assert.doesNotMatch(current.program.stdout(), /cut off/);
      current = next;
    }
    await new Promise((done) => setTimeout(done, 300));
    const answers = await load.stop();
    const failed = answers.filter(({ error }) => error !== undefined);
    return { answers, failed, stillMs: still.stop() };
  } finally {
    still.stop();
    current.program.kill('SIGKILL');
    await current.program.exit;
    balancer.close();
  }
}
