/** Whether chance explains that counts are not what their shares promise: Pearson's chi-square test. Imports nothing. */

/** Below this many expected in a class the test says nothing. */
const MIN_EXPECTED = 5;

/**
 * The probability that counts drawn with these shares would be as far from them as these are, or farther. Shares need
 * not add up to 1. Undefined where it cannot be said: with fewer than two classes of any share, or where one of them is
 * expected fewer than 5 times. 0 where something was drawn that has no share.
 */
export function chanceOfCounts(counts: readonly number[], shares: readonly number[]): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  if (counts.some((count, index) => count > 0 && !(shares[index]! > 0))) return 0;
  const expected = shares.filter((share) => share > 0).map((share) => (total * share) / whole);
  if (expected.length < 2 || Math.min(...expected) < MIN_EXPECTED) return undefined;
  const seen = counts.filter((_, index) => shares[index]! > 0);
  const statistic = seen.reduce((sum, count, index) => {
    const want = expected[index]!;
    return sum + (count - want) ** 2 / want;
  }, 0);
  return upperGamma((expected.length - 1) / 2, statistic / 2);
}

/** The regularised upper incomplete gamma function Q(a, x). Source: DLMF 8.7.1 (series) and 8.9.2 (continued fraction). */
function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const factor = Math.exp(a * Math.log(x) - x - logGammaOfHalves(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; term > sum * 1e-15; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - factor * sum;
  }
  // Lentz's method, from the front.
  let b = x + 1 - a;
  let c = Number.MAX_VALUE;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    const step = c * d;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return factor * fraction;
}

/** ln Γ(a) for 1/2, 1, 3/2, …, by Γ(a) = (a - 1) Γ(a - 1). */
function logGammaOfHalves(a: number): number {
  let sum = a % 1 === 0 ? 0 : Math.log(Math.PI) / 2;
  for (let rest = a - 1; rest > 0; rest--) sum += Math.log(rest);
  return sum;
}
