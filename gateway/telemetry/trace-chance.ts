/** Ids and draws of traces, from the runtime's own chance. */
import type { TraceChance } from './trace-context.ts';

/** Random numbers of 16 bits that become one text, of which ids are parts: a text for each would cost five times as much. */
const POOL_LENGTH = 12 * 256;

/** Of a hundred traces that begin here, `samplingPercent` are sampled. */
export function createTraceChance(samplingPercent: number): TraceChance {
  const digits = hexadecimals();
  const pool = new Uint16Array(POOL_LENGTH);
  const parts: string[] = new Array(POOL_LENGTH);
  let text = '';
  let at = 0;
  const id: TraceChance['id'] = (length) => {
    if (at + length > text.length) {
      crypto.getRandomValues(pool);
      for (let index = 0; index < POOL_LENGTH; index++) parts[index] = digits[pool[index]!]!;
      text = parts.join('');
      at = 0;
    }
    const from = at;
    at += length;
    // No id is all zeros.
    return text.startsWith(ZEROS, from) ? id(length) : text.slice(from, at);
  };
  return { id, sample: () => Math.random() * 100 < samplingPercent };
}

const ZEROS = '0'.repeat(16);

let known: readonly string[] | undefined;

/** Each number of 16 bits as four digits, made when the first gateway traces. */
function hexadecimals(): readonly string[] {
  known ??= Array.from({ length: 2 ** 16 }, (_, number) => number.toString(16).padStart(4, '0'));
  return known;
}
