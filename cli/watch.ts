/** Tells when files or folders change, for commands that run again. */
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isRuleFile, isTestFile } from '../config/file.ts';
import { CommandFailure, EXIT } from './failure.ts';

/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/**
 * Watches the paths from now on: gives one turn for each change, or several that come together, and ends never. What
 * else is in a folder, such as a report that is written there, is no change.
 */
export async function watchPaths(paths: readonly string[]): Promise<AsyncIterable<void>> {
  let wake = Promise.withResolvers<void>();
  for (const [folder, concerns] of await watchedNames(paths))
    watch(folder, (_, name) => {
      if (name === null || concerns(name)) wake.resolve();
    });
  return (async function* turns() {
    while (true) {
      await wake.promise;
      await new Promise((done) => setTimeout(done, SETTLE_MS));
      wake = Promise.withResolvers<void>();
      yield;
    }
  })();
}

/** The folders to watch for the paths, each with which names in it are one of them. Throws for a path that is not there. */
export async function watchedNames(
  paths: readonly string[],
): Promise<ReadonlyMap<string, (name: string) => boolean>> {
  const folders = new Map<string, (name: string) => boolean>();
  const add = (folder: string, concerns: (name: string) => boolean): void => {
    const others = folders.get(folder);
    folders.set(folder, others === undefined ? concerns : (name) => others(name) || concerns(name));
  };
  for (const path of paths) {
    if (path === '-') continue;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined)
      throw new CommandFailure(`Cannot find "${path}": no such file or folder`, EXIT.usage);
    if (found.isDirectory()) add(resolve(path), isRead);
    // A file that is replaced is another file: its folder tells.
    else add(dirname(resolve(path)), (name) => name === basename(resolve(path)) || isMount(name));
  }
  return folders;
}

const isRead = (name: string): boolean => isRuleFile(name) || isTestFile(name) || isMount(name);

/** Kubernetes changes all files of a mounted ConfigMap at once, by the link `..data`. */
const isMount = (name: string): boolean => name === '..data';
