/** Runs cases side by side at a gateway and a stock Envoy, and says where they go apart. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { formatDifference } from './compare.ts';
import { KNOWN_SIDECAR_DIFFERENCES } from './gateway-mode-difference.ts';
import { CLIENT, isForSidecar, runSidecarCase } from './sidecar-mode.ts';
import { SidecarWorld } from './sidecar-mode-world.ts';
import { type Case, caseFolders, readCase } from './world.ts';

/** Each case waits for istiod more than it works. */
const WORLDS = 2;

/** All cases that a sidecar can be in. */
export function sidecarCases(): readonly Case[] {
  return caseFolders(join(import.meta.dirname, 'corpus/cases'))
    .map(readCase)
    .filter(isForSidecar);
}

/** Throws with all differences. A case that is known to differ and agrees is one, too. */
export async function compareSidecars(cases: readonly Case[]): Promise<void> {
  const wrong: string[] = [];
  const asked = { requests: 0, samples: 0 };
  const opened = await Promise.allSettled(Array.from({ length: WORLDS }, () => SidecarWorld.open(CLIENT)));
  const worlds = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  try {
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
    const left = [...cases];
    const worker = async (world: SidecarWorld): Promise<void> => {
      for (let recorded = left.shift(); recorded; recorded = left.shift()) {
        const { name } = recorded;
        const { requests, samples, differences } = await runSidecarCase(recorded, world);
        asked.requests += requests;
        asked.samples += samples;
        if (!Object.hasOwn(KNOWN_SIDECAR_DIFFERENCES, name))
          wrong.push(...differences.map((difference) => `${name} ${formatDifference(difference)}`));
        else if (differences.length === 0) wrong.push(`${name} agrees, but is listed as different`);
      }
    };
    await Promise.all(worlds.map(worker));
  } finally {
    await Promise.all(worlds.map((world) => world.close()));
  }
  assert.deepEqual(wrong, []);
  assert.ok(asked.requests > 5 * cases.length && asked.samples > 0, JSON.stringify(asked));
}
