/** What a new configuration snapshot means, in words for the log. Pure. */
import { differences } from '../config/difference.ts';
import { sameContent } from '../config/resource-state.ts';
import { APPLIED, type ConfigSnapshot } from '../config/store.ts';
import type { Issue } from '../router/index.ts';
import type { ValidResource } from '../router/schema/kind.ts';

/** Two snapshots compared. */
export interface Reload {
  /** `rules changed: VirtualService default/greeter (rules.yaml:1) changed`; absent when nothing in effect did. */
  readonly summary?: string;
  /** Issues that were not there before. */
  readonly issues: readonly Issue[];
  /** True when there were errors before and there are none now. */
  readonly recovered: boolean;
}

/** Names more resources than this by their number alone. */
const MAX_NAMED = 5;

/** What changed from one snapshot to the next. */
export function describeReload(before: ConfigSnapshot, after: ConfigSnapshot): Reload {
  const changes: string[] = [];
  for (const { before: was, after: is } of differences(before, after)) {
    if (was === undefined) changes.push(`${nameOf(is!)} added`);
    else if (is === undefined) changes.push(`${nameOf(was)} removed`);
    else if (!sameContent(was, is)) changes.push(`${nameOf(is)} changed`);
  }

  changes.push(...tableChanges(before, after));

  const known = new Set(before.issues.map(identity));
  const named = changes.slice(0, MAX_NAMED).join(', ');
  const more = changes.length > MAX_NAMED ? ` and ${changes.length - MAX_NAMED} more` : '';
  return {
    ...(changes.length > 0 && { summary: `rules in effect: ${named}${more}` }),
    issues: after.issues.filter((issue) => !known.has(identity(issue))),
    recovered: before.issues.some(isError) && !after.issues.some(isError),
  };
}

/** How much there is: `3 resources`; of a control plane `2 ports, 14 clusters`. */
export function describeSize({ resources, table }: ConfigSnapshot): string {
  if (!table) return `${resources.length} resources`;
  return `${table.listeners.length} ports, ${table.clusters.length} clusters`;
}

/** What a control plane has changed of its routes, by port; endpoints come and go too often to be told of. */
function tableChanges({ table: before }: ConfigSnapshot, { table: after }: ConfigSnapshot): string[] {
  if (!before || !after) return [];
  const old = new Map(before.listeners.map((listener) => [listener.port, listener]));
  const next = new Map(after.listeners.map((listener) => [listener.port, listener]));
  return [
    ...[...next].flatMap(([port, listener]) => {
      const was = old.get(port);
      if (was === listener) return [];
      return `port ${port} ${was === undefined ? 'added' : 'changed'}`;
    }),
    ...[...old.keys()].filter((port) => !next.has(port)).map((port) => `port ${port} removed`),
  ];
}

function nameOf({ kind, metadata, source }: ValidResource): string {
  const name = `${kind} ${metadata.namespace}/${metadata.name}`;
  if (source === undefined) return name;
  return source.file === APPLIED
    ? `${name} (applied)`
    : `${name} (${source.file}:${source.position([]).line})`;
}

function identity({ code, message, file, line, column }: Issue): string {
  return JSON.stringify([code, message, file, line, column]);
}

function isError({ severity }: Issue): boolean {
  return severity === 'error';
}
