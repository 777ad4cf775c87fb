/** Resources from a text in memory: for edges without a disk, for standard input, and for what flags stand for. */
import { readText } from './document.ts';
import type { ConfigSource } from './source.ts';

/** A source that gives the text's resources once. `name` is the file that issues and rules are said to be in. */
export function textSource(name: string, text: string | Uint8Array): ConfigSource {
  return {
    name,
    async start(onSnapshot, signal) {
      const { resources, issues, refused, whole } = await readText(text, name, { signal });
      onSnapshot({ resources, issues, refused, unreadable: whole ? [] : [name] });
    },
  };
}
