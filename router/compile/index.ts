/**
 * Compiles resources into the table that one client obeys: names are resolved, delegates merged, subsets made
 * clusters, and rules of other gateways, ports and sources left out. Imports schema types, the table's, and issues.
 */
import type { Issue } from '../issue.ts';
import type { ValidResource } from '../schema/kind.ts';
import { finish, type Steps } from '../steps.ts';
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
  return finish(compileInSteps(resources, options, previous));
}

/** {@link compile} for who has other things to do meanwhile. */
export function* compileInSteps(
  resources: readonly ValidResource[],
  options: CompileOptions = {},
  previous?: Compilation,
): Steps<Compilation> {
  const before = previous && drafts.get(previous);
  const draft = (before && (yield* revise(before, resources, options))) ?? (yield* draw(resources, options));
  const isSame = before !== undefined && draft.roots === before.roots;
  const compilation = { table: draft.table, issues: isSame ? previous!.issues : issuesOf(draft) };
  drafts.set(compilation, draft);
  return compilation;
}

function issuesOf({ roots }: Draft): Issue[] {
  const issues: Issue[] = [];
  for (const root of roots) if (root.issues.length > 0) issues.push(...root.issues);
  return issues;
}
