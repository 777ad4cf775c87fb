/** Folders that are made for what is written into them. Imports node only. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the folder and those above it, unless they are there, with the mode, by default as the process has it. Throws as
 * `mkdirSync` does. Not by its `recursive`, which on Node tries for ever where the folder above is there and may not be
 * written to, as in /proc: ENOENT.
 */
export function makeFolder(path: string, mode?: number): void {
  if (isMade(path, mode)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above, mode);
  // What still has no folder above is nowhere to be made.
  if (above === path || !isMade(path, mode)) mkdirSync(path, mode);
}

/** False where there is no folder above. What is there and is no folder is said by what is written into it. */
function isMade(path: string, mode?: number): boolean {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code !== 'EEXIST') throw error;
  }
  return true;
}
