/** Compares what was observed with what was recorded. Imports nothing. */
import { isDeepStrictEqual } from 'node:util';

/** One field that is not as recorded. */
export interface Difference {
  /** The request's id. */
  readonly request: string;
  readonly field: string;
  readonly want: unknown;
  readonly got: unknown;
}

/** Collects the differences of one case. */
export interface Comparison {
  readonly differences: readonly Difference[];
  /** Notes a difference unless the values are deeply equal. */
  equal(request: string, field: string, want: unknown, got: unknown): void;
}

/** An empty comparison. */
export function createComparison(): Comparison {
  const differences: Difference[] = [];
  return {
    differences,
    equal(request, field, want, got) {
      if (!isDeepStrictEqual(want, got)) differences.push({ request, field, want, got });
    },
  };
}

/** A difference as one line. */
export function formatDifference({ request, field, want, got }: Difference): string {
  return `${request} ${field}: want ${show(want)}, got ${show(got)}`;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/**
 * True when counts can be a sample of a distribution: chi-square at p = 10⁻⁶, as a run makes some hundred of these
 * comparisons. What never or always happens has to be exact.
 */
export function fitsDistribution(
  counts: ReadonlyMap<string, number>,
  chances: ReadonlyMap<string, number>,
): boolean {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (const [outcome, count] of counts) if (count > 0 && !chances.get(outcome)) return false;
  let sum = 0;
  let outcomes = 0;
  for (const [outcome, chance] of chances) {
    if (chance === 0) continue;
    const wanted = total * chance;
    sum += ((counts.get(outcome) ?? 0) - wanted) ** 2 / wanted;
    outcomes++;
  }
  return outcomes < 2 ? true : sum <= criticalValue(outcomes - 1);
}

/** Chi-square's quantile of 1 - 10⁻⁶, by Wilson and Hilferty's approximation. */
function criticalValue(degrees: number): number {
  const part = 2 / (9 * degrees);
  return degrees * (1 - part + 4.7534 * Math.sqrt(part)) ** 3;
}

/**
 * True when two samples can be of one distribution: chi-square of homogeneity at p = 10⁻⁶. Where one has a single
 * outcome only, the other must have just that.
 */
export function fitsSameDistribution(
  want: ReadonlyMap<string, number>,
  got: ReadonlyMap<string, number>,
): boolean {
  const isOther = [...got.keys()].some((outcome) => !want.has(outcome));
  return !(want.size === 1 && isOther) && fitsHomogeneously(want, got);
}

/** The same where what is seldom may not have happened to one of them. */
export function fitsHomogeneously(
  want: ReadonlyMap<string, number>,
  got: ReadonlyMap<string, number>,
): boolean {
  const outcomes = new Set([...want.keys(), ...got.keys()]);
  const sum = (counts: ReadonlyMap<string, number>): number =>
    [...counts.values()].reduce((a, b) => a + b, 0);
  const totals = [sum(want), sum(got)] as const;
  if (totals[0] === 0 || totals[1] === 0) return totals[0] === totals[1];
  let statistic = 0;
  for (const outcome of outcomes) {
    const counts = [want.get(outcome) ?? 0, got.get(outcome) ?? 0] as const;
    const share = (counts[0] + counts[1]) / (totals[0] + totals[1]);
    for (const side of [0, 1] as const) {
      const expected = totals[side] * share;
      statistic += (counts[side] - expected) ** 2 / expected;
    }
  }
  return outcomes.size < 2 || statistic <= criticalValue(outcomes.size - 1);
}
