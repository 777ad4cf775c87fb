/** The fuzzers: each makes one input of one seed and says what must hold for it. */
import assert from 'node:assert/strict';
import type { Resource, RouteRequest } from '../../../router/index.ts';
import { createDraws, type Draws } from '../route/generate.ts';
import { HARD_HOST, hardTable } from './hard.ts';
import { CASES, requestsOf, TEXTS } from './material.ts';
import { holdsForRequests, holdsForResources, holdsForTable, holdsForText } from './property.ts';
import { extremeRequest } from './request.ts';
import { mutateResource } from './resource.ts';
import { asInput, mutateText, randomBytes, randomPieces } from './text.ts';

/** One kind of input. */
export interface Campaign {
  readonly name: string;
  /** Inputs of a short run, chosen so that it takes some two seconds. */
  readonly runs: number;
  /** Makes the input of these draws and checks it. Throws where something does not hold. */
  run(draws: Draws): void;
}

/** Every fuzzer. */
export const CAMPAIGNS: readonly Campaign[] = [
  { name: 'random bytes', runs: 3000, run: (draws) => text(randomBytes(draws)) },
  { name: 'pieces of YAML in any order', runs: 2000, run: (draws) => text(randomPieces(draws)) },
  { name: 'changed texts', runs: 700, run: (draws) => text(asInput(draws, mutateText(draws, TEXTS))) },
  { name: 'changed resources', runs: 500, run: resources },
  { name: 'extreme requests', runs: 200, run: requests },
];

/** Runs a campaign; a failure says how to repeat it, and its smallest input where it can be made smaller. */
export function runCampaign(campaign: Campaign, seed: number, runs: number): void {
  for (let current = seed; current < seed + runs; current++) {
    try {
      campaign.run(createDraws(current));
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const small = error instanceof InputError ? `\nSmallest input: ${error.input}` : '';
      assert.fail(`${campaign.name}: repeat with FUZZ_SEED=${current} FUZZ_RUNS=1${small}\n${reason}`);
    }
  }
}

/** The first seed, from FUZZ_SEED: the same inputs each time unless asked for others. */
export const firstSeed = Number(process.env['FUZZ_SEED'] ?? 1);

/** How many inputs: FUZZ_RUNS, else what the caller holds for right. */
export function runsOf(runs: number): number {
  return Number(process.env['FUZZ_RUNS'] ?? runs);
}

class InputError extends Error {
  readonly input: string;

  constructor(input: string, cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(reason, { cause });
    this.name = 'InputError';
    this.input = input;
  }
}

function text(input: string | Uint8Array): void {
  const holds = (part: string | Uint8Array) => {
    const valid = holdsForText(part);
    holdsForTable(valid, {});
  };
  try {
    holds(input);
  } catch (error) {
    const small = smallest(input, (part) => fails(() => holds(part)));
    throw new InputError(JSON.stringify(typeof small === 'string' ? small : [...small]), error);
  }
}

function resources(draws: Draws): void {
  const { resources, options } = draws.pick(CASES);
  const written = resources.map((resource) => (draws.oneIn(2) ? mutateResource(draws, resource) : resource));
  // Two that are alike meet in one host.
  if (draws.oneIn(3)) {
    const twin = mutateResource(draws, draws.pick(draws.pick(CASES).resources));
    written.push({ ...twin, metadata: { ...twin.metadata, name: 'twin' } });
  }
  const holds = (some: readonly Resource[]) => {
    const table = holdsForTable(holdsForResources(some, 100_000), options);
    const requests = table.listeners.map(({ port }) => ({ ...SIMPLE_REQUEST, port }));
    holdsForRequests(table, requests, () => 0);
  };
  try {
    holds(written);
  } catch (error) {
    const small = smallest(written, (some) => fails(() => holds(some)));
    throw new InputError(JSON.stringify(small), error);
  }
}

const SIMPLE_REQUEST: RouteRequest = {
  method: 'GET',
  scheme: 'http',
  authority: 'reviews',
  path: '/a/b?c=d',
  headers: [['x-a', 'b']],
  port: 80,
};

function requests(draws: Draws): void {
  const recorded = draws.pick(CASES);
  const isHard = draws.oneIn(2);
  const table = isHard ? hardTable() : holdsForTable(recorded.resources, recorded.options);
  const extreme = requestsOf(recorded)
    .slice(0, 6)
    .map((request) => (isHard ? { ...request, authority: HARD_HOST, port: 80 } : request))
    .map((request) => extremeRequest(draws, request));
  holdsForRequests(table, extreme, (bound) => draws.below(bound));
}

function fails(action: () => void): boolean {
  try {
    action();
    return false;
  } catch {
    return true;
  }
}

/** The input without each part that it fails without, too: halves first, then ever smaller parts. */
function smallest<Input extends string | Uint8Array | readonly unknown[]>(
  input: Input,
  stillFails: (input: Input) => boolean,
): Input {
  let current = input;
  let budget = 500;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < current.length && budget > 0; budget--) {
      const part = without(current, at, size);
      if (part.length < current.length && stillFails(part)) current = part;
      else at += size;
    }
  }
  return current;
}

function without<Input extends string | Uint8Array | readonly unknown[]>(
  input: Input,
  at: number,
  size: number,
): Input {
  if (typeof input === 'string') return (input.slice(0, at) + input.slice(at + size)) as Input;
  if (input instanceof Uint8Array)
    return input.filter((_, index) => index < at || index >= at + size) as Input;
  return (input as readonly unknown[]).filter(
    (_, index) => index < at || index >= at + size,
  ) as unknown as Input;
}
