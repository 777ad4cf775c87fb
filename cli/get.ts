/** `pointsman get`: the rules in effect in a running gateway, as a table or as a file that could be applied. */
import { type Command, Option } from 'commander';
import type { Manifest } from './admin-client.ts';
import { adminOption, defineCommand, jsonOption } from './command.ts';
import { EXIT } from './failure.ts';

interface GetOptions {
  readonly output?: 'yaml' | 'json' | 'name';
  readonly namespace?: string;
  readonly admin: string;
  readonly json?: true;
}

/** Declares the command. */
export function getCommand(): Command {
  return defineCommand('get', 'Show the rules in effect in a running gateway.', [
    'pointsman get',
    'pointsman get vs,dr',
    'pointsman get virtualservice dubbo-go-server -o yaml',
  ])
    .argument('[kind]', 'kinds with commas between; default all')
    .argument('[name]', 'one resource')
    .addOption(new Option('-o, --output <format>', 'instead of a table').choices(['yaml', 'json', 'name']))
    .option('-n, --namespace <name>', 'only this namespace')
    .addOption(adminOption())
    .addOption(jsonOption())
    .action(get);
}

async function get(kind: string | undefined, name: string | undefined, options: GetOptions): Promise<void> {
  const { createAdminClient } = await import('./admin-client.ts');
  const { kindsOf, kubectlName } = await import('./kind.ts');
  const terminal = await import('./terminal.ts');
  const kinds = kindsOf(kind ?? 'all');
  const all = await createAdminClient(options.admin).list();
  const found = all.filter(
    (manifest) =>
      kinds.includes(manifest.kind) &&
      (name === undefined || manifest.metadata.name === name) &&
      (options.namespace === undefined || manifest.metadata.namespace === options.namespace),
  );
  if (found.length === 0 && name !== undefined) {
    process.exitCode = EXIT.findings;
    const metadata = { name, namespace: options.namespace ?? 'default' };
    terminal.note(`Error (NotFound): ${kubectlName({ kind: kinds[0]!, metadata })} not found`);
    return;
  }
  const format = options.json ? 'json' : options.output;
  const listed =
    name !== undefined && found.length === 1 ? found[0] : { apiVersion: 'v1', kind: 'List', items: found };
  if (format === 'json') terminal.printJson(listed);
  else if (format === 'yaml')
    terminal.print((await import('js-yaml')).dump(listed, { noRefs: true, skipInvalid: true }).trimEnd());
  else if (format === 'name') for (const manifest of found) terminal.print(kubectlName(manifest));
  else if (found.length === 0) terminal.note('No resources found');
  else terminal.print(terminal.table(['kind', 'namespace', 'name', 'hosts'], found.map(rowOf)));
}

function rowOf({ kind, metadata, spec }: Manifest): string[] {
  const { hosts, host, address } = spec as { hosts?: string[]; host?: string; address?: string };
  return [kind, metadata.namespace, metadata.name, (hosts ?? [host ?? address ?? '']).join(',')];
}
