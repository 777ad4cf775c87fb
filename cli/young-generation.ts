/** How V8 treats what is young, on Node. Imports node:v8 and node:process. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation as small as it begins. It grows by what a start throws away, modules and schemas being made,
 * to 20 MiB that an idle process never gives back; held, a start collects more often instead. Returns what lets it grow
 * by V8's own rule again, for requests to come. Does nothing on other runtimes.
 *
 * For good it keeps V8 from making objects old from the start where those before them have lived long (pretenuring): when
 * many requests are under way at a collection, as on a machine that stands still for a moment, V8 takes what each request
 * makes for lasting, and from then on every request leaves garbage that only collections of the whole heap find.
 */
export function holdYoungGeneration(): () => void {
  // Only Node is V8 with an undici of its own.
  if (process.versions['undici'] === undefined) return () => {};
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString('--semi-space-growth-factor=1');
  return () => setFlagsFromString('--semi-space-growth-factor=2');
}
