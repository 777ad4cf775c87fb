/** Ids and draws of traces, from the runtime's own chance. */
import type { TraceChance } from './trace-context.ts';

/** Random bytes are fetched in bulk: a request needs 24 of them at most. */
const POOL_BYTES = 24 * 256;

/** Of a hundred traces that begin here, `samplingPercent` are sampled. */
export function createTraceChance(samplingPercent: number): TraceChance {
  const pool = new Uint8Array(POOL_BYTES);
  let at = POOL_BYTES;
  return {
    id(digits) {
      const length = digits / 2;
      if (at + length > POOL_BYTES) {
        crypto.getRandomValues(pool);
        at = 0;
      }
      let id = '';
      for (let index = 0; index < length; index++) id += HEX[pool[at++]!];
      return /[^0]/.test(id) ? id : `${'0'.repeat(digits - 1)}1`;
    },
    sample: () => Math.random() * 100 < samplingPercent,
  };
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
