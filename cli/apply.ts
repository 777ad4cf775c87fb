/** `pointsman apply`: lays rules over those of a running gateway, in memory, with kubectl's words. */
import type { Command } from 'commander';
import { adminOption, defineCommand, jsonOption, repeated } from './command.ts';
import { EXIT } from './failure.ts';

interface ApplyOptions {
  readonly filename: readonly string[];
  readonly admin: string;
  readonly json?: true;
}

/** Declares the command. */
export function applyCommand(): Command {
  return defineCommand(
    'apply',
    'Lay rules over those of a running gateway, until it restarts, they are deleted, or a file that holds them is saved.',
    [
      'pointsman apply -f deploy/istio/scenarios/canary-90-10.yaml',
      'kubectl get vs,dr -o yaml | pointsman apply -f - --admin localhost:9901',
    ],
  )
    .requiredOption('-f, --filename <path>', 'file, folder, or - for standard input; repeatable', repeated)
    .addOption(adminOption())
    .addOption(jsonOption())
    .action(apply);
}

async function apply(options: ApplyOptions): Promise<void> {
  const { readPaths } = await import('./input.ts');
  const { createAdminClient } = await import('./admin-client.ts');
  const { applyRank, kubectlName } = await import('./kind.ts');
  const terminal = await import('./terminal.ts');
  const { resources, issues } = await readPaths(options.filename);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of issues) terminal.note(`${terminal.issueText(issue, process.stderr)}\n`);
  if (errors.length > 0) process.exitCode = EXIT.findings;
  if (resources.length === 0 && errors.length === 0) {
    terminal.note('No resources found');
    process.exitCode = EXIT.findings;
  }

  const client = createAdminClient(options.admin);
  const results: object[] = [];
  for (const resource of [...resources].sort((a, b) => applyRank(a.kind) - applyRank(b.kind))) {
    const { apiVersion, kind, metadata, spec } = resource;
    const result = await client.put({ apiVersion, kind, metadata, spec });
    results.push({ kind, namespace: metadata.namespace, name: metadata.name, ...result });
    if (result.outcome === 'refused') {
      process.exitCode = EXIT.findings;
      terminal.note(`error: ${result.error}`);
      for (const issue of result.issues) terminal.note(terminal.issueText(issue, process.stderr));
    } else if (!options.json) terminal.print(`${kubectlName(resource)} ${result.outcome}`);
  }
  if (options.json) terminal.printJson({ resources: results, issues });
}
