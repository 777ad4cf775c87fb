/** Compares two JSON values field by field. */
import type { Differences } from './difference.ts';

/** Adds where the values differ. The order of an object's keys is none, that of a list is. */
export function compareJson(
  main: unknown,
  copy: unknown,
  into: Differences,
  path: readonly string[] = [],
): void {
  if (Object.is(main, copy) || into.isIgnored(path)) return;
  if (isObject(main) && isObject(copy) && Array.isArray(main) === Array.isArray(copy)) {
    const before = new Map(Object.entries(main));
    const after = new Map(Object.entries(copy));
    for (const key of new Set([...before.keys(), ...after.keys()]))
      compareJson(before.get(key), after.get(key), into, [...path, key]);
    return;
  }
  into.add('body', path.join('.'), text(main), text(copy));
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const text = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);
