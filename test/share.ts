/**
 * Work on generated inputs, divided among the runtimes: what is asked of pure code need not be asked of each of them
 * for every input, so each takes inputs of its own, and a run of the suite has them all. Imports what runs this.
 */
import { runtime } from './program.ts';

const RUNTIMES = ['bun', 'node', 'deno'] as const;

/** Seeds, or other numbers, that follow each other. */
export interface Share {
  readonly first: number;
  readonly count: number;
}

/** This runtime's part of `count` seeds from `first` on, with no seed in two parts. */
export function shareOf(first: number, count: number): Share {
  const each = Math.ceil(count / RUNTIMES.length);
  return { first: first + RUNTIMES.indexOf(runtime) * each, count: each };
}

/** Every third of `items`, others on each runtime. */
export function someOf<Item>(items: readonly Item[]): readonly Item[] {
  return items.filter((_, index) => index % RUNTIMES.length === RUNTIMES.indexOf(runtime));
}
