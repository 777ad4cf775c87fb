/** The resources that a command is pointed at: files, folders and standard input, read once. */
import { fileSource } from '../config/file.ts';
import type { ConfigSource } from '../config/source.ts';
import { type ConfigSnapshot, ConfigStore } from '../config/store.ts';
import { textSource } from '../config/text.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { readStandardInput } from './rule-text.ts';

/** Everything in the paths, with its issues; `-` is standard input. Throws for a path that is not there. */
export async function readPaths(paths: readonly string[]): Promise<ConfigSnapshot> {
  const store = new ConfigStore(await Promise.all(paths.map(sourceOf)));
  try {
    await store.start();
  } finally {
    await store.stop();
  }
  const snapshot = store.current();
  const missing = snapshot.issues.find(({ code }) => code === 'file-missing');
  if (missing !== undefined)
    throw new CommandFailure(`Cannot find "${missing.file}": no such file or folder`, EXIT.usage);
  return snapshot;
}

async function sourceOf(path: string): Promise<ConfigSource> {
  if (path !== '-') return fileSource(path);
  return textSource('-', await readStandardInput());
}
