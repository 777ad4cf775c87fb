/** A workload's certificate over its life; time and chance are the test's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CertificateState,
  type IssuedCertificate,
  RotatingCertificate,
} from '../../config/rotating-certificate.ts';

const HOUR_MS = 3_600_000;

/** An authority that issues for a day, unless it is told otherwise. */
function world(chance = 0.5, lifeMs = 24 * HOUR_MS) {
  let nowMs = 0;
  let asked = 0;
  let refusal: string | undefined;
  const timers = new Map<number, { readonly dueMs: number; run(): void }>();
  const states: CertificateState[] = [];
  const certificate = new RotatingCertificate(
    async (): Promise<IssuedCertificate> => {
      asked++;
      if (refusal !== undefined) throw new Error(refusal);
      const text = String(asked);
      return {
        certificateChain: text,
        privateKey: 'secret',
        rootCertificates: 'root',
        identity: 'spiffe://x',
        expiresMs: nowMs + lifeMs,
      };
    },
    {
      nowMs: () => nowMs,
      chance: () => chance,
      onState: (state) => states.push(state),
      delay(run, ms) {
        const id = timers.size + 1;
        timers.set(id, { dueMs: nowMs + ms, run });
        return () => timers.delete(id);
      },
    },
  );
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return {
    certificate,
    states,
    asked: () => asked,
    refuse: (reason: string | undefined) => {
      refusal = reason;
    },
    timers,
    async pass(ms: number) {
      nowMs += ms;
      for (const [id, { dueMs, run }] of [...timers])
        if (dueMs <= nowMs) {
          timers.delete(id);
          run();
        }
      await settle();
    },
    chain: async () => (await certificate.current()).certificateChain,
  };
}

test('RotatingCertificate asks once for all who wait, and not before anybody does', async () => {
  const { asked, chain } = world();
  assert.equal(asked(), 0);
  assert.deepEqual(await Promise.all([chain(), chain()]), ['1', '1']);
  assert.equal(await chain(), '1');
  assert.equal(asked(), 1);
});

for (const { chance, hours } of [
  { chance: 0, hours: 24 * 0.51 },
  { chance: 0.5, hours: 12 },
  { chance: 1, hours: 24 * 0.49 },
])
  test(`RotatingCertificate renews after ${hours} h of a day, where chance is ${chance}`, async () => {
    const { chain, pass } = world(chance);
    await chain();
    await pass(hours * HOUR_MS - 1000);
    assert.equal(await chain(), '1');
    await pass(1000);
    assert.equal(await chain(), '2');
  });

test('RotatingCertificate goes on with one that is not renewed until it expires, and asks ever more rarely', async () => {
  const { asked, chain, pass, refuse, states } = world();
  await chain();
  refuse('out of order');
  await pass(12 * HOUR_MS);
  assert.equal(asked(), 2);
  assert.equal(await chain(), '1');
  assert.deepEqual(states.at(-1), {
    identity: 'spiffe://x',
    expires: '1970-01-02T00:00:00.000Z',
    reason: 'out of order',
  });
  await pass(750);
  assert.equal(asked(), 3, 'after a second, less chance');
  await pass(750);
  assert.equal(asked(), 3);
  await pass(750);
  assert.equal(asked(), 4, 'after two');
  for (let minute = 0; minute < 10; minute++) await pass(60_000);
  refuse(undefined);
  await pass(30_000);
  assert.equal(await chain(), '15');
  assert.deepEqual(states.at(-1), { identity: 'spiffe://x', expires: '1970-01-02T12:10:32.250Z' });
});

test('RotatingCertificate has none when it has expired, says why, and is back with the authority', async () => {
  const { asked, certificate, chain, pass, refuse, timers } = world();
  await chain();
  timers.clear();
  refuse('out of order');
  await pass(24 * HOUR_MS);
  await assert.rejects(chain(), new Error('out of order'));
  const before = asked();
  await assert.rejects(certificate.current(), new Error('out of order'));
  assert.equal(asked(), before, 'the authority is left alone');
  refuse(undefined);
  await pass(1000);
  assert.equal(await chain(), String(before + 1));
});

test('RotatingCertificate renews no more when it is closed', async () => {
  const { asked, certificate, chain, pass } = world();
  await chain();
  certificate.close();
  await pass(100 * HOUR_MS);
  assert.equal(asked(), 1);
});

for (const lifeMs of [0, -HOUR_MS, Number.NaN])
  test(`RotatingCertificate takes one that lives for ${lifeMs} ms for none, and does not ask without end`, async () => {
    const { asked, chain, timers } = world(0.5, lifeMs);
    await assert.rejects(chain(), /has expired already: is the clock of this machine right\?/);
    await assert.rejects(chain(), /has expired already/);
    assert.equal(asked(), 1);
    assert.equal(timers.size, 0);
  });

test('RotatingCertificate renews one that lives for a moment once a second at the most', async () => {
  const { asked, chain, pass } = world(0.5, 100);
  assert.equal(await chain(), '1');
  await pass(99);
  assert.equal(asked(), 1);
  await pass(901);
  assert.equal(asked(), 2);
});
