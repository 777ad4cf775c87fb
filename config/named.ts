/** Sources by name, as `--config` and the library's options take them. What needs a disk is loaded when it is asked for. */
import type { ConfigSource } from './source.ts';

/** A source, or what `--config` takes: the path of a file or folder, watched. */
export type SourceName = string | ConfigSource;

/** The source of a name. Throws a TypeError for a kind of source that there is not. */
export function sourceOf(name: SourceName): ConfigSource {
  if (typeof name !== 'string') return name;
  if (/^[a-z0-9]+:\/\//i.test(name))
    throw new TypeError(`Cannot read rules from "${name}": want the path of a file or a folder`);
  let source: ConfigSource | undefined;
  return {
    name,
    async start(onSnapshot, signal) {
      const { fileSource } = await import('./file.ts');
      source = fileSource(name);
      await source.start(onSnapshot, signal);
    },
    refresh: async () => source?.refresh?.(),
  };
}
