/**
 * The fuzzers for a minute or so: `FUZZ_SEED=7 npm run test:long` looks at other inputs than the last run did, and
 * `FUZZ_RUNS` says how many of each kind.
 */
import { test } from 'node:test';
import { CAMPAIGNS, firstSeed, runCampaign, runsOf } from '../router/fuzz/campaign.ts';
import { growsLinearly } from '../router/fuzz/growth.ts';
import { REQUEST_FAMILIES } from '../router/fuzz/request-family.ts';
import { TEXT_FAMILIES } from '../router/fuzz/text-family.ts';

/** Inputs for each one of a short run. */
const TIMES = 15;

for (const campaign of CAMPAIGNS) {
  const runs = runsOf(campaign.runs * TIMES);
  test(`the router answers ${runs} inputs of ${campaign.name}, from seed ${firstSeed} on`, () => {
    runCampaign(campaign, firstSeed, runs);
  });
}

test('parse(), validate(), verdicts() and compile() do work in proportion to texts of 128 KiB', () => {
  for (const family of TEXT_FAMILIES) growsLinearly(family, 128 * 1024);
});

test('route() and explain() do work in proportion to requests of 256 KiB', () => {
  for (const family of REQUEST_FAMILIES) growsLinearly(family, 256 * 1024);
});
