/**
 * Durations as Istio writes them: Go's grammar, `1h2m3.5s`. Imports nothing.
 * Source: Go's time.ParseDuration, with which Istio reads every google.protobuf.Duration of its resources.
 */

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5
  μs: 1_000n, // U+03BC
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const LIMIT = 1n << 63n;

/** The span's length in nanoseconds, negative with a leading `-`; undefined for text that is no duration. */
export function parseDuration(text: string): bigint | undefined {
  const signed = /^[-+]?/.exec(text)![0];
  let rest = text.slice(signed.length);
  if (rest === '0') return 0n;
  if (rest === '' || text.length > 256) return undefined;
  let total = 0n;
  while (rest !== '') {
    const part = /^(\d*)(?:\.(\d*))?([^\d.]+)/.exec(rest);
    if (part === null) return undefined;
    const [all, whole = '', fraction = '', unit = ''] = part;
    if (whole === '' && fraction === '') return undefined;
    const scale = Object.hasOwn(NANOSECONDS, unit) ? NANOSECONDS[unit]! : undefined;
    if (scale === undefined) return undefined;
    total +=
      BigInt(whole || '0') * scale +
      (fraction === '' ? 0n : (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length));
    if (total > LIMIT) return undefined;
    rest = rest.slice(all.length);
  }
  if (signed === '-') return -total;
  return total === LIMIT ? undefined : total;
}

/** A duration's length in milliseconds, with a fraction below one; undefined for no text and for text that is no duration. */
export function durationMs(text: string | undefined): number | undefined {
  const nanoseconds = text === undefined ? undefined : parseDuration(text);
  return nanoseconds === undefined ? undefined : Number(nanoseconds) / 1e6;
}
