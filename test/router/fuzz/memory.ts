/** How much is kept, as far as the runtime lets one say: after everything that can be collected was. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects garbage; undefined where the runtime gives no means to. */
export const collectGarbage: (() => void) | undefined = findCollector();

/** Bytes in use after a collection. */
export function keptBytes(collect: () => void): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function findCollector(): (() => void) | undefined {
  const bun = (globalThis as { Bun?: { gc(force: boolean): void } }).Bun;
  if (bun) return () => bun.gc(true);
  if (typeof globalThis.gc === 'function') return () => globalThis.gc!();
  try {
    setFlagsFromString('--expose-gc');
    const gc: unknown = runInNewContext('globalThis.gc');
    return typeof gc === 'function' ? () => gc() : undefined;
  } catch {
    return undefined;
  }
}
