/** Folders that a command makes for what it writes. Imports node only. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the folder and those above it, unless they are there. Throws as `mkdirSync` does. Not by its `recursive`, which
 * on Node tries for ever where the folder above is there and may not be written to, as in /proc: ENOENT.
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // What is there and is no folder is said by what is written into it.
    if (code === 'EEXIST') return;
    const above = dirname(path);
    if (code !== 'ENOENT' || above === path) throw error;
    makeFolder(above);
    mkdirSync(path);
  }
}
