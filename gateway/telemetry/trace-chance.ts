/** Ids and draws of traces, from the runtime's own chance. */
import type { TraceChance } from './trace-context.ts';

/** Random numbers of 16 bits, fetched in bulk: a request needs 12 of them at most. */
const POOL_LENGTH = 12 * 256;

/** Of a hundred traces that begin here, `samplingPercent` are sampled. */
export function createTraceChance(samplingPercent: number): TraceChance {
  const pool = new Uint16Array(POOL_LENGTH);
  let at = POOL_LENGTH;
  const digits = hexadecimals();
  return {
    id(length) {
      const count = length / 4;
      if (at + count > POOL_LENGTH) {
        crypto.getRandomValues(pool);
        at = 0;
      }
      let id = '';
      let any = 0;
      for (let index = 0; index < count; index++) {
        const number = pool[at++]!;
        any |= number;
        id += digits[number];
      }
      return any === 0 ? `${'0'.repeat(length - 1)}1` : id;
    },
    sample: () => Math.random() * 100 < samplingPercent,
  };
}

let known: readonly string[] | undefined;

/** Each number of 16 bits as four digits, made when the first gateway traces. */
function hexadecimals(): readonly string[] {
  known ??= Array.from({ length: 2 ** 16 }, (_, number) => number.toString(16).padStart(4, '0'));
  return known;
}
