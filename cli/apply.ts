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
  const { resourceKey } = await import('../router/index.ts');
  const terminal = await import('./terminal.ts');
  const { resources, issues } = await readPaths(options.filename);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of issues) terminal.note(`${terminal.issueText(issue, process.stderr)}\n`);
  if (errors.length > 0) process.exitCode = EXIT.findings;
  if (resources.length === 0 && errors.length === 0) {
    terminal.note('No resources found');
    process.exitCode = EXIT.findings;
  }

  const manifests = resources
    .map(({ apiVersion, kind, metadata, spec }) => ({ apiVersion, kind, metadata, spec }))
    .sort((a, b) => applyRank(a.kind) - applyRank(b.kind));
  const answer =
    manifests.length === 0
      ? { resources: [], issues: [] }
      : await createAdminClient(options.admin).apply(manifests);
  const outcomes = new Map(
    'error' in answer ? [] : answer.resources.map(({ key, outcome }) => [key, outcome]),
  );
  if ('error' in answer) {
    process.exitCode = EXIT.findings;
    terminal.note(`error: ${answer.error}`);
    for (const issue of answer.issues) terminal.note(terminal.issueText(issue, process.stderr));
  }
  const results = manifests.map(({ kind, metadata }) => {
    const outcome = outcomes.get(resourceKey({ kind, metadata })) ?? 'refused';
    return { kind, namespace: metadata.namespace, name: metadata.name, outcome };
  });
  if (options.json) {
    const refused = 'error' in answer && { error: answer.error };
    terminal.printJson({ resources: results, issues: [...issues, ...answer.issues], ...refused });
    return;
  }
  for (const { kind, namespace, name, outcome } of results)
    if (outcome !== 'refused')
      terminal.print(`${kubectlName({ kind, metadata: { namespace, name } })} ${outcome}`);
}
