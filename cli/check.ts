/** `pointsman check`: everything that is wrong in rule files, before anything obeys them. */
import type { Command } from 'commander';
import { defineCommand, jsonOption } from './command.ts';
import { EXIT } from './failure.ts';

/** Declares the command. */
export function checkCommand(): Command {
  return defineCommand('check', 'Check rules: what Istio would refuse, and what can have no effect.', [
    'pointsman check deploy/istio',
    'pointsman check destinationrule.yaml virtualservice.yaml',
    'kubectl get vs,dr -A -o yaml | pointsman check -',
  ])
    .argument('<path...>', 'files, folders (their own .yaml, .yml and .json files), or - for standard input')
    .addOption(jsonOption())
    .action(check);
}

async function check(paths: readonly string[], options: { readonly json?: true }): Promise<void> {
  const { readPaths } = await import('./input.ts');
  const { compile } = await import('../router/index.ts');
  const { assumedServices } = await import('./assumed-service.ts');
  const { count, issueText, note, print, printJson, styled } = await import('./terminal.ts');
  const { resources, issues: found } = await readPaths(paths);
  const issues = [...found, ...compile(resources, { services: assumedServices(resources, 80) }).issues];
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  const warnings = issues.length - errors;
  if (errors > 0) process.exitCode = EXIT.findings;
  if (options.json) {
    printJson({ resources: resources.length, errors, warnings, issues });
    return;
  }
  for (const issue of issues) print(`${issueText(issue)}\n`);
  const verdict = `${count(resources.length, 'valid resource')}, ${count(errors, 'error')}, ${count(warnings, 'warning')}`;
  note(styled(errors > 0 ? 'red' : 'green', verdict, process.stderr));
}
