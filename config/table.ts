/** Rules that were compiled before, as `pointsman compile` writes them. */
import type { RouteTable } from '../router/table/route-table.ts';
import type { ConfigSource } from './source.ts';

/** What this version reads. */
const FORMAT: RouteTable['format'] = 1;

/** A source that gives the table once. Throws a TypeError for one of another format. */
export function tableSource(name: string, table: RouteTable): ConfigSource {
  const { format } = table as { readonly format?: unknown };
  if (format !== FORMAT)
    throw new TypeError(
      `Cannot read ${name}: its format is ${JSON.stringify(format)}, this version reads ${FORMAT}; make it anew with pointsman compile`,
    );
  return {
    name,
    async start(onSnapshot) {
      onSnapshot({ resources: [], issues: [], refused: [], unreadable: [], table });
    },
  };
}
