/** Takes times. */

/** Something called again and again, with the number of the call. */
export type Step = (call: number) => unknown;

/** What is returned is kept here, so that no compiler leaves out the work that makes it. */
const kept: unknown[] = new Array(256).fill(undefined);

/**
 * Nanoseconds a call: those of the quickest of many short rounds, after a warm-up. Whatever else the machine does
 * only ever adds to a round, so that the quickest tells most of the code itself.
 */
export function nanoseconds(step: Step, { roundMs = 4, rounds = 60, warmUpMs = 150 } = {}): number {
  let calls = 1;
  const warm = performance.now() + warmUpMs;
  while (time(step, calls) < roundMs || performance.now() < warm) calls = Math.min(calls * 2, 1 << 20);
  calls = Math.max(1, Math.round((calls * roundMs) / time(step, calls)));
  let quickest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    quickest = Math.min(quickest, (time(step, calls) * 1e6) / calls);
  }
  return quickest;
}

function time(step: Step, calls: number): number {
  const started = performance.now();
  for (let call = 0; call < calls; call++) kept[call & 255] = step(call);
  return performance.now() - started;
}

/** The middle one. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** `Bun 1.4.5`, `Node 24.21.0`. */
export function runtimeName(): string {
  const { versions } = process;
  return versions['bun'] === undefined ? `Node ${versions.node}` : `Bun ${versions['bun']}`;
}

/** A Markdown table. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}
