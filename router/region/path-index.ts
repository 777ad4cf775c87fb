/** Finds the rules that can take a path without looking at all of them. Imports requirements and cells. */
import { commonPrefix } from './cell.ts';
import type { Workspace } from './partition.ts';
import type { Region } from './requirement.ts';

/** Rules by path. */
export interface PathIndex {
  add(region: Region, position: number): void;
  /** In rising order the positions of all rules whose condition on the path may hold, and of few others. */
  candidates(path: string): readonly number[];
}

/** An empty index. */
export function indexPaths(workspace: Workspace): PathIndex {
  const exact = new Map<string, number[]>();
  const prefixes = new Map<string, number[]>();
  const lengths = new Set<number>();
  const others: number[] = [];
  const put = (map: Map<string, number[]>, key: string, position: number): void => {
    const positions = map.get(key);
    if (positions) positions.push(position);
    else map.set(key, [position]);
  };
  return {
    add({ kept }, position) {
      const path = kept.find(({ dimension }) => dimension.id === 'path');
      if (path?.kind !== 'text' || path.ignoreCase || path.match.kind === 'any') others.push(position);
      else if (path.match.kind === 'exact') put(exact, path.match.value, position);
      else {
        const prefix = path.match.kind === 'prefix' ? path.match.value : commonPrefix(path, workspace);
        put(prefixes, prefix, position);
        lengths.add(prefix.length);
      }
    },
    candidates(path) {
      const found = [...others, ...(exact.get(path) ?? [])];
      for (const length of lengths) {
        if (length <= path.length) found.push(...(prefixes.get(path.slice(0, length)) ?? []));
      }
      return found.sort((a, b) => a - b);
    },
  };
}
