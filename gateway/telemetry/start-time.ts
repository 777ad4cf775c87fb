/** Times as `%START_TIME(%Y-%m-%d)%` writes them: strftime's letters, and Envoy's for parts of a second. Imports nothing. */

type Part = string | ((time: Date) => string);

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const two = (value: number): string => `${value}`.padStart(2, '0');
const iso = (time: Date, from: number, to: number): string => time.toISOString().slice(from, to);
const fraction = (digits: number) => (time: Date) =>
  `${time.getUTCMilliseconds()}`.padStart(3, '0').padEnd(9, '0').slice(0, digits);

const LETTERS: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => iso(time, 0, 4),
  m: (time) => iso(time, 5, 7),
  d: (time) => iso(time, 8, 10),
  H: (time) => iso(time, 11, 13),
  M: (time) => iso(time, 14, 16),
  S: (time) => iso(time, 17, 19),
  F: (time) => iso(time, 0, 10),
  T: (time) => iso(time, 11, 19),
  y: (time) => iso(time, 2, 4),
  e: (time) => `${time.getUTCDate()}`.padStart(2, ' '),
  I: (time) => two(time.getUTCHours() % 12 || 12),
  p: (time) => (time.getUTCHours() < 12 ? 'AM' : 'PM'),
  j: (time) =>
    `${Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear())) / 86_400_000) + 1}`.padStart(3, '0'),
  a: (time) => DAYS[time.getUTCDay()]!.slice(0, 3),
  A: (time) => DAYS[time.getUTCDay()]!,
  b: (time) => MONTHS[time.getUTCMonth()]!.slice(0, 3),
  B: (time) => MONTHS[time.getUTCMonth()]!,
  z: () => '+0000',
  Z: () => 'UTC',
  s: (time) => `${Math.floor(time.getTime() / 1000)}`,
  '%': () => '%',
};

const SPECIFIER = /%(?:([1-9])f|E([1-9])S|E\*S|f|(.))/g;

/**
 * Writes times in UTC, given in milliseconds since 1970. Undefined for a format with a letter that is not known.
 *
 * Source: Envoy `source/common/common/utility.cc` (DateFormatter: `%s`, `%3f`, `%f`), absl's FormatTime (`%E3S`).
 */
export function compileStartTime(format: string): ((ms: number) => string) | undefined {
  if (format === '') return (ms) => new Date(ms).toISOString();
  const parts: Part[] = [];
  let rest = 0;
  for (const found of format.matchAll(SPECIFIER)) {
    const [all, digits, ofSecond, letter] = found;
    parts.push(format.slice(rest, found.index));
    rest = found.index + all.length;
    if (letter !== undefined) {
      const write = LETTERS[letter];
      if (!write) return undefined;
      parts.push(write);
    } else if (all === '%E*S') parts.push((time) => iso(time, 17, 23));
    else if (ofSecond !== undefined) parts.push((time) => iso(time, 17, 20), fraction(Number(ofSecond)));
    else parts.push(fraction(Number(digits ?? 9)));
  }
  parts.push(format.slice(rest));
  return (ms) => {
    const time = new Date(ms);
    return parts.map((part) => (typeof part === 'string' ? part : part(time))).join('');
  };
}
