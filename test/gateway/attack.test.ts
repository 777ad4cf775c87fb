import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { attack, attacks, behave, startTarget, type Target } from './attack.ts';

/** How this runtime runs a program. */
const command =
  'Deno' in globalThis ? [process.execPath, 'run', '-A', '--no-check', '--quiet'] : [process.execPath];
/** Far above what any of these attacks costs, and far below what one costs that finds no limit. */
const MOST_MIB = 256;
/** How long an attack goes on: one that is to be thrown out until it was, if not for ever. */
const SHORTEST_MS = 250;
const LONGEST_MS = 20_000;

let target: Target;
before(async () => {
  target = await startTarget(command);
  await behave(target.port, AbortSignal.timeout(300));
});
after(() => target.stop());

for (const each of attacks) {
  test(`listen() serves others while it is attacked: ${each.name}`, async () => {
    const before = target.memoryMib();
    const until = new AbortController();
    const outcome = { connections: 0, closed: 0, sentBytes: 0 };
    // On a busy machine it takes a while to be a flood.
    const begun = performance.now();
    const end = setInterval(() => {
      const tookMs = performance.now() - begun;
      if (tookMs < SHORTEST_MS) return;
      if (each.end === 'kept' || outcome.closed > 0 || tookMs > LONGEST_MS) until.abort();
    }, 20);
    const [times] = await Promise.all([
      behave(target.port, until.signal),
      attack(target.port, each, until.signal, outcome),
    ]);
    clearInterval(end);
    assert.ok(target.isAlive);
    assert.ok(times.length > 0);
    if (each.end === 'closed') assert.ok(outcome.closed > 0, 'no attacker was thrown out');
    const memory = target.memoryMib();
    if (memory !== undefined) assert.ok(memory - before! < MOST_MIB, `from ${before} to ${memory} MiB`);
  });
}

test('listen() throws out who is slow to say what is wanted', async () => {
  const limits = { http1: { headTimeoutMs: 500 }, http2: { headTimeoutMs: 500 } };
  const strict = await startTarget(command, limits);
  const slow = attacks.filter(({ name }) => /^slowloris|header block by the byte/.test(name));
  await Promise.all(
    slow.map(async (each) => {
      const until = new AbortController();
      const outcome = { connections: 0, closed: 0, sentBytes: 0 };
      const begun = performance.now();
      const end = setInterval(() => {
        if (outcome.closed >= 5 || performance.now() > begun + LONGEST_MS) until.abort();
      }, 20);
      await attack(strict.port, { ...each, connections: 5 }, until.signal, outcome);
      clearInterval(end);
      assert.ok(outcome.closed >= 5, `${each.name}: ${outcome.closed}`);
    }),
  );
  await strict.stop();
});
