/** Numbers as people read them. */

/** `1,234`, `12.3`, `0.4`. */
export function numberText(value: number): string {
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

/** `3.2 ms`, `1.5 s`; a dash for nothing. */
export function timeText(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `12.5 %`. */
export function percentText(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

/** What a probability means for who looks at a split. It is looked at all the time, so little is called proof. */
export function chanceText(chance: number | undefined): {
  readonly text: string;
  readonly mood: 'good' | 'doubt' | 'bad' | 'none';
} {
  if (chance === undefined) return { text: 'too few requests to say', mood: 'none' };
  const percent =
    chance < 0.0001 ? 'less than 0.01 %' : `${Number((chance * 100).toPrecision(chance < 0.1 ? 2 : 3))} %`;
  if (chance < 0.001) return { text: `not by chance (${percent})`, mood: 'bad' };
  if (chance < 0.05) return { text: `rarely by chance (${percent})`, mood: 'doubt' };
  return { text: `chance explains it (${percent})`, mood: 'good' };
}
