import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRouter } from '../../../router/index.ts';
import { createDraws } from '../route/generate.ts';
import { CAMPAIGNS, firstSeed, runCampaign } from './campaign.ts';
import { HARD_HOST, hardTable } from './hard.ts';
import { collectGarbage, keptBytes } from './memory.ts';
import { extremeRequest } from './request.ts';

const skip = collectGarbage === undefined && 'this runtime does not say when it collects garbage';
/** What a runtime may keep for its own ends, compiled code for example. */
const SLACK_BYTES = 6 * 1024 * 1024;

/** Throws where every round after the first two leaves more behind than a runtime may. */
function keepsNothing(round: (number: number) => void): void {
  const collect = collectGarbage!;
  for (let warm = 0; warm < 2; warm++) round(warm);
  const kept: number[] = [keptBytes(collect)];
  for (let number = 2; number < 5; number++) {
    round(number);
    kept.push(keptBytes(collect));
  }
  const grown = Math.min(...kept.slice(1).map((bytes) => bytes - kept[0]!));
  assert.ok(
    grown < SLACK_BYTES,
    `${(grown / 1024 / 1024).toFixed(1)} MiB more are kept: ${kept.join(', ')} bytes`,
  );
}

test('reading, validating and compiling keeps nothing of what was read', { skip }, () => {
  keepsNothing((number) => {
    for (const campaign of CAMPAIGNS.slice(2))
      runCampaign(campaign, firstSeed + 2_000_000 + number * 100, 15);
  });
});

test('createRouter() keeps a bounded memory of requests, however many different ones come', { skip }, () => {
  const router = createRouter(hardTable());
  const draws = createDraws(firstSeed);
  keepsNothing((number) => {
    for (let count = 0; count < 3000; count++) {
      const path = `/never/before/${number}/${count}/${'x'.repeat(draws.below(300))}`;
      const headers = [['x-a', `${number}-${count}`] as const, ['cookie', `user=${number}${count}`] as const];
      const base = { method: 'GET', scheme: 'http', authority: HARD_HOST, path, headers, port: 80 };
      router.route(base, () => 0);
      if (count % 50 === 0) router.route(extremeRequest(draws, base), () => 0);
    }
  });
});
