/** Rules that were compiled before, as `pointsman compile` writes them. Imports types alone. */
import type { RouteTable } from '../router/table/route-table.ts';
import type { ConfigSnapshot } from './store.ts';

/** What this version reads. */
const FORMAT: RouteTable['format'] = 1;

/** What a rule set is made of, where it never changes. */
export interface TableFeed {
  start(): Promise<void>;
  current(): Pick<ConfigSnapshot, 'resources' | 'table'>;
  follow(): void;
}

/** A feed that holds the table from the start. Throws a TypeError for one of another format. */
export function tableFeed(name: string, table: RouteTable): TableFeed {
  const { format } = table as { readonly format?: unknown };
  if (format !== FORMAT)
    throw new TypeError(
      `Cannot read ${name}: its format is ${JSON.stringify(format)}, this version reads ${FORMAT}; make it anew with pointsman compile`,
    );
  const current = { resources: [], table };
  return { start: async () => {}, current: () => current, follow: () => {} };
}
