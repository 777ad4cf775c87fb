/** Watches the process's memory while ports are open. Imports node:os and node:process. */
import { totalmem } from 'node:os';
import process from 'node:process';

/** How often memory is looked at. */
const LOOK_MS = 1000;
/** Source: Envoy's advice for an edge, `shrink_heap` at 95 % and `stop_accepting_requests` at 98 % of its heap. */
const SHORT_AT = 0.95;

/**
 * Tells `changed` once memory gets short, and once it is no longer. The limit is what the container or machine gives
 * the process. Returns what ends the watch.
 */
export function watchMemory(changed: (isShort: boolean) => void): () => void {
  const limitBytes = memoryLimitBytes();
  let isShort = false;
  const timer = setInterval(() => {
    const now = process.memoryUsage().rss > limitBytes * SHORT_AT;
    if (now === isShort) return;
    isShort = now;
    changed(isShort);
  }, LOOK_MS);
  timer.unref?.();
  return () => clearInterval(timer);
}

function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const total = totalmem();
  return constrained > 0 && constrained < total ? constrained : total;
}
