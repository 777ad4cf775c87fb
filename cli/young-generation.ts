/** How much memory a start leaves behind on Node. Imports node:v8 and node:process. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation as small as it begins. It grows by what a start throws away, modules and schemas being made,
 * to 20 MiB that an idle process never gives back; held, a start collects more often instead. Returns what lets it grow
 * by V8's own rule again, for requests to come. Does nothing on other runtimes.
 */
export function holdYoungGeneration(): () => void {
  // Only Node is V8 with an undici of its own.
  if (process.versions['undici'] === undefined) return () => {};
  setFlagsFromString('--semi-space-growth-factor=1');
  return () => setFlagsFromString('--semi-space-growth-factor=2');
}
