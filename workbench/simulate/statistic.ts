/** What can be said of a share by counting, and of times by putting them into classes. Imports nothing. */

/** Of the normal distribution: 95 of 100 such intervals hold the true share. */
const Z = 1.959964;

/** The bounds, in percent, between which the true share of something lies that was seen `count` times of `total`. */
export function wilsonInterval(count: number, total: number): readonly [low: number, high: number] {
  if (total === 0) return [0, 100];
  const share = count / total;
  const middle = share + Z ** 2 / (2 * total);
  const spread = Z * Math.sqrt((share * (1 - share)) / total + Z ** 2 / (4 * total ** 2));
  const scale = 1 + Z ** 2 / total;
  return [100 * Math.max(0, (middle - spread) / scale), 100 * Math.min(1, (middle + spread) / scale)];
}

/** Times, in classes of about one percent, each with the mean of its own. */
export interface Histogram {
  add(ms: number): void;
  /** The time that a share of all is at or below; 0 without any. */
  quantile(share: number): number;
}

const GROWTH = Math.log(1.01);

/** An empty histogram. */
export function createHistogram(): Histogram {
  const counts: number[] = [];
  const sums: number[] = [];
  let total = 0;
  return {
    add(ms) {
      const place = ms <= 0.01 ? 0 : Math.ceil(Math.log(ms / 0.01) / GROWTH);
      counts[place] = (counts[place] ?? 0) + 1;
      sums[place] = (sums[place] ?? 0) + ms;
      total++;
    },
    quantile(share) {
      let seen = 0;
      for (const [place, count = 0] of counts.entries()) {
        seen += count;
        if (seen >= share * total && seen > 0) return place === 0 ? 0 : sums[place]! / count;
      }
      return 0;
    },
  };
}
