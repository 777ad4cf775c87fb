/** `pointsman delete`: takes away what was applied, or hides what a file holds until that file is saved. */
import type { Command } from 'commander';
import { adminOption, defineCommand, jsonOption, repeated } from './command.ts';
import { EXIT, usageFailure } from './failure.ts';

interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly namespace: string;
  readonly admin: string;
  readonly json?: true;
}

/** Declares the command. */
export function deleteCommand(): Command {
  return defineCommand(
    'delete',
    'Take rules away from a running gateway: what was applied goes, what a file holds is hidden until it is saved.',
    [
      'pointsman delete -f deploy/istio/scenarios/canary-90-10.yaml',
      'pointsman delete virtualservice dubbo-go-server',
      'pointsman delete vs/reviews dr/reviews -n shop',
    ],
  )
    .usage('[options] (-f PATH | KIND NAME... | KIND/NAME...)')
    .argument('[what...]', 'a kind and names, or KIND/NAME')
    .option('-f, --filename <path>', 'file, folder, or - for standard input; repeatable', repeated)
    .option('-n, --namespace <name>', 'namespace of the names', 'default')
    .addOption(adminOption())
    .addOption(jsonOption())
    .action(deleteResources);
}

async function deleteResources(what: readonly string[], options: DeleteOptions): Promise<void> {
  const { createAdminClient } = await import('./admin-client.ts');
  const { applyRank, kubectlName } = await import('./kind.ts');
  const terminal = await import('./terminal.ts');
  const targets = await targetsOf(what, options);
  targets.sort((a, b) => applyRank(b.kind) - applyRank(a.kind));
  const keys = targets.map(({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name}`);
  const results = keys.length === 0 ? [] : await createAdminClient(options.admin).delete(keys);
  for (const [index, result] of results.entries()) {
    const target = targets[index]!;
    if (result.outcome === 'not-found') {
      process.exitCode = EXIT.findings;
      terminal.note(`Error (NotFound): ${kubectlName(target)} not found`);
    } else if (!options.json) {
      const aside = result.restored
        ? ` (the version of ${result.restored} is in effect again)`
        : result.hidden
          ? ` (hidden until ${result.hidden.replace(/:\d+$/, '')} is saved)`
          : '';
      terminal.print(`${kubectlName(target)} deleted${terminal.styled('dim', aside)}`);
    }
  }
  if (options.json) terminal.printJson({ resources: results });
}

interface Target {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

async function targetsOf(what: readonly string[], options: DeleteOptions): Promise<Target[]> {
  if (options.filename !== undefined) {
    if (what.length > 0)
      throw usageFailure('Cannot delete both by name and by file: give either -f or names');
    const { readPaths } = await import('./input.ts');
    const { issueText, note } = await import('./terminal.ts');
    const { resources, issues } = await readPaths(options.filename);
    for (const issue of issues) note(`${issueText(issue, process.stderr)}\n`);
    if (resources.length === 0 || issues.some(({ severity }) => severity === 'error'))
      process.exitCode = EXIT.findings;
    return [...resources];
  }
  const { kindsOf } = await import('./kind.ts');
  const named = (kinds: string, name: string) =>
    kindsOf(kinds).map((kind) => ({ kind, metadata: { name, namespace: options.namespace } }));
  const [first, ...names] = what;
  if (first === undefined) throw usageFailure('Cannot delete nothing: give -f PATH, or a kind and a name');
  if (first.includes('/')) {
    return what.flatMap((word) => {
      const [kind = '', name = ''] = word.split('/');
      if (name === '') throw usageFailure(`Cannot delete "${word}": write KIND/NAME`);
      return named(kind, name);
    });
  }
  if (names.length === 0) throw usageFailure(`Cannot delete every ${first}: name what to delete`);
  return names.flatMap((name) => named(first, name));
}
