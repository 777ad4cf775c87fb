import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareOf, someOf } from '../../share.ts';
import { CAMPAIGNS, firstSeed, runCampaign, runsOf } from './campaign.ts';
import { growsLinearly } from './growth.ts';
import { builtIns } from './prototype.ts';
import { REQUEST_FAMILIES } from './request-family.ts';
import { TEXT_FAMILIES } from './text-family.ts';

/** Of the inputs of a campaign; `test/long/fuzz.test.ts` has all of them, and more. */
const PART = 1 / 2;
const isRepeated = process.env['FUZZ_SEED'] !== undefined;

for (const campaign of CAMPAIGNS) {
  const { first, count } = shareOf(firstSeed, campaign.runs * PART);
  const runs = runsOf(count);
  test(`the router answers ${runs} inputs of ${campaign.name} with issues and decisions, and never throws`, () => {
    runCampaign(campaign, isRepeated ? firstSeed : first, runs);
  });
}

test('no input changes what every object inherits', () => {
  const before = builtIns();
  const { first, count } = shareOf(firstSeed + 1_000_000, 30);
  for (const campaign of CAMPAIGNS) runCampaign(campaign, first, count);
  assert.deepEqual(builtIns(), before);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('builtIns() notices a property that is put on Object.prototype', () => {
  const before = builtIns();
  Object.defineProperty(Object.prototype, 'polluted', { value: true, configurable: true });
  const after = builtIns();
  Reflect.deleteProperty(Object.prototype, 'polluted');
  assert.notDeepEqual(after, before);
});

test(`parse(), validate(), verdicts() and compile() do work in proportion to ${someOf(TEXT_FAMILIES).length} kinds of text`, () => {
  for (const family of someOf(TEXT_FAMILIES)) growsLinearly(family, 8 * 1024);
});

test(`route() and explain() do work in proportion to ${someOf(REQUEST_FAMILIES).length} kinds of request`, () => {
  for (const family of someOf(REQUEST_FAMILIES)) growsLinearly(family, 64 * 1024);
});

test('growsLinearly() notices work that grows like the square', () => {
  const square = (size: number) => () => {
    const begun = process.cpuUsage();
    for (let spentMs = 0; spentMs < (size / 512) ** 2; ) {
      const { user, system } = process.cpuUsage(begun);
      spentMs = (user + system) / 1000;
    }
  };
  assert.throws(
    () => growsLinearly({ name: 'a square', make: square }, 7168, 2),
    /grows faster than its size/,
  );
});
