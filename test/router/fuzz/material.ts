/** What the fuzzers start from: every text, resource and request that the tests hold. Reads files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RouteRequest } from '../../../router/index.ts';
import { toRouteRequest } from '../../conformance/router-mode.ts';
import { type Case, caseFolders, readCase } from '../../conformance/world.ts';

const root = join(import.meta.dirname, '../..');

/** Texts as people wrote them, good and bad. */
export const TEXTS: readonly string[] = [
  ...yamlFiles(join(root, 'fixture/bad')),
  ...yamlFiles(join(root, 'fixture/fuzz')),
  ...yamlFiles(join(root, 'conformance/corpus/validation')),
  ...caseFolders(join(root, 'conformance/corpus/cases')).map((folder) =>
    readFileSync(join(folder, 'config.yaml'), 'utf8'),
  ),
];

/** The recorded cases, whose resources are valid. */
export const CASES: readonly Case[] = caseFolders(join(root, 'conformance/corpus/cases')).map(readCase);

/** The requests of a case. */
export function requestsOf({ world }: Case): RouteRequest[] {
  return world.requests.map(toRouteRequest);
}

/** What the recorded resources write in each field, by the field's name. */
export const VALUES: ReadonlyMap<string, readonly unknown[]> = collectValues();

function yamlFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}

function collectValues(): Map<string, unknown[]> {
  const values = new Map<string, Map<string, unknown>>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, field] of Object.entries(value)) {
      const known = values.get(name) ?? new Map<string, unknown>();
      values.set(name, known);
      known.set(JSON.stringify(field), field);
      visit(field);
    }
  };
  for (const { resources } of CASES) for (const { spec } of resources) visit(spec);
  return new Map([...values].map(([name, known]) => [name, [...known.values()]]));
}
