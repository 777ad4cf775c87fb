import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAMPAIGNS, firstSeed, runCampaign, runsOf } from './campaign.ts';
import { growsLinearly } from './growth.ts';
import { builtIns } from './prototype.ts';
import { REQUEST_FAMILIES } from './request-family.ts';
import { TEXT_FAMILIES } from './text-family.ts';

for (const campaign of CAMPAIGNS) {
  const runs = runsOf(campaign.runs);
  test(`the router answers ${runs} inputs of ${campaign.name} with issues and decisions, and never throws`, () => {
    runCampaign(campaign, firstSeed, runs);
  });
}

test('no input changes what every object inherits', () => {
  const before = builtIns();
  for (const campaign of CAMPAIGNS) runCampaign(campaign, firstSeed + 1_000_000, 30);
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

test(`parse(), validate(), verdicts() and compile() do work in proportion to ${TEXT_FAMILIES.length} kinds of text`, () => {
  for (const family of TEXT_FAMILIES) growsLinearly(family, 8 * 1024);
});

test(`route() and explain() do work in proportion to ${REQUEST_FAMILIES.length} kinds of request`, () => {
  for (const family of REQUEST_FAMILIES) growsLinearly(family, 64 * 1024);
});

test('growsLinearly() notices work that grows like the square', () => {
  const square = (size: number) => () => {
    const until = performance.now() + (size / 512) ** 2;
    while (performance.now() < until);
  };
  assert.throws(() => growsLinearly({ name: 'a square', make: square }, 7168), /grows faster than its size/);
});
