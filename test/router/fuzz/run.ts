/**
 * Runs the fuzzers for a while, from a seed that nobody has used:
 *
 *     bun test/router/fuzz/run.ts [--seconds 60] [--seed N]
 *
 * The seed is printed at once. Exit code 0: everything held. What does not hold is printed with the seed that repeats it;
 * put its input beside the others of fixture.test.ts.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { CAMPAIGNS, runCampaign } from './campaign.ts';

/** Inputs between two looks at the clock. */
const AT_ONCE = 20;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
});
const first = Number(values.seed ?? randomInt(2 ** 31));
const limitMs = (Number(values.seconds) * 1000) / CAMPAIGNS.length;
console.log(`seed ${first}, ${values.seconds} s for ${CAMPAIGNS.length} kinds of input`);
for (const campaign of CAMPAIGNS) {
  const begun = performance.now();
  let seed = first;
  for (; performance.now() - begun < limitMs; seed += AT_ONCE) runCampaign(campaign, seed, AT_ONCE);
  console.log(`${campaign.name}: ${seed - first} inputs`);
}
