/** Tells when files or folders change, for commands that run again. */
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CommandFailure, EXIT } from './failure.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/** Watches the paths from now on: gives one turn for each change, or several that come together, and ends never. */
export async function watchPaths(paths: readonly string[]): Promise<AsyncIterable<void>> {
  const folders = new Set<string>();
  for (const path of paths) {
    if (path === '-') continue;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined)
      throw new CommandFailure(`Cannot find "${path}": no such file or folder`, EXIT.usage);
    // A file that is replaced is another file: its folder tells.
    folders.add(resolve(found.isDirectory() ? path : dirname(path)));
  }
  let wake = Promise.withResolvers<void>();
  for (const folder of folders) watch(folder, () => wake.resolve());
  return (async function* turns() {
    while (true) {
      await wake.promise;
      await new Promise((done) => setTimeout(done, SETTLE_MS));
      wake = Promise.withResolvers<void>();
      yield;
    }
  })();
}
