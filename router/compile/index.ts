/**
 * Compiles resources into the table that one client obeys: names are resolved, delegates merged, subsets made
 * clusters, and rules of other gateways, ports and sources left out. Imports schema types, the table's, and issues.
 */
import type { Issue } from '../issue.ts';
import type { ValidResource } from '../schema/kind.ts';
import type { RouteTable } from '../table/route-table.ts';
import { type Draft, draw } from './draft.ts';
import type { CompileOptions } from './option.ts';
import { revise } from './revise.ts';

/** A table, and what in the resources has no effect. */
export interface Compilation {
  readonly table: RouteTable;
  /** Warnings alone: what is refused is refused by validation. */
  readonly issues: readonly Issue[];
}

/** What each compilation was made of, for the next one. */
const drafts = new WeakMap<Compilation, Draft>();

/**
 * The table that a proxy with these options obeys. Never throws for resources that are valid.
 *
 * Give the compilation before as `previous`, and where only the rules of a few VirtualServices have changed all
 * else is taken over from it: unchanged resources have to be the same objects. The outcome is the same as without.
 */
export function compile(
  resources: readonly ValidResource[],
  options: CompileOptions = {},
  previous?: Compilation,
): Compilation {
  const before = previous && drafts.get(previous);
  const draft = (before && revise(before, resources, options)) ?? draw(resources, options);
  const compilation = { table: draft.table, issues: draft.roots.flatMap(({ issues }) => issues) };
  drafts.set(compilation, draft);
  return compilation;
}
