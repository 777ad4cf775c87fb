/** `pointsman check`: everything that is wrong in rule files, before anything obeys them. */
import { type Command, Option } from 'commander';
import metadata from '../package.json' with { type: 'json' };
import type { CheckReport, JudgedDocument } from '../workbench/check/index.ts';
import { defineCommand, jsonOption } from './command.ts';
import { EXIT } from './failure.ts';

interface CheckOptions {
  readonly json?: true;
  readonly sarif?: true;
  readonly strict?: true;
}

/** Declares the command. */
export function checkCommand(): Command {
  return defineCommand(
    'check',
    "Check rules: what Istio and a cluster's API server say of each resource, and what can have no effect.",
    [
      'pointsman check deploy/istio',
      'pointsman check destinationrule.yaml virtualservice.yaml',
      'kubectl get vs,dr -A -o yaml | pointsman check -',
      'pointsman check --sarif rules > pointsman.sarif',
    ],
  )
    .argument('<path...>', 'files, folders (their own .yaml, .yml and .json files), or - for standard input')
    .option('--strict', 'exit 1 on warnings too')
    .addOption(jsonOption())
    .addOption(new Option('--sarif', 'print SARIF 2.1.0, for code scanning').conflicts('json'))
    .action(check);
}

async function check(paths: readonly string[], options: CheckOptions): Promise<void> {
  const { readTexts } = await import('./rule-text.ts');
  const { checkTexts } = await import('../workbench/check/index.ts');
  const { texts, issues: unread } = await readTexts(paths);
  const checked = checkTexts(texts);
  const report: CheckReport = {
    ...checked,
    issues: [...unread.map((issue) => ({ ...issue, by: ['pointsman' as const] })), ...checked.issues],
  };
  const errors = report.issues.filter(({ severity }) => severity === 'error').length;
  const warnings = report.issues.length - errors;
  if (errors > 0 || (options.strict && warnings > 0)) process.exitCode = EXIT.findings;
  if (options.json || options.sarif) {
    const { printJson } = await import('./terminal.ts');
    if (options.json) printJson({ errors, warnings, ...report });
    else {
      const { sarifLog } = await import('./sarif.ts');
      printJson(sarifLog(report.issues, metadata.version));
    }
    return;
  }
  await printReport(report, errors, warnings);
}

async function printReport(report: CheckReport, errors: number, warnings: number): Promise<void> {
  const { count, issueText, note, print, styled } = await import('./terminal.ts');
  for (const issue of report.issues) print(`${issueText(issue)}\n`);
  for (const document of report.documents) {
    const refused = refusal(document);
    if (refused !== undefined) print(styled('red', refused));
  }
  const { undecided } = report;
  const open = undecided === 0 ? '' : `, ${count(undecided, 'rule')} could not be decided`;
  const verdict = `${count(report.resources, 'valid resource')}, ${count(errors, 'error')}, ${count(warnings, 'warning')}${open}`;
  note(styled(errors > 0 ? 'red' : 'green', verdict, process.stderr));
}

/** What the judges make of a document that one of them refuses: `rules.yaml:1 VirtualService 'a': Istio refuses it, …`. */
function refusal({ file, line, kind, name, istio, cluster }: JudgedDocument): string | undefined {
  if (istio.valid && cluster?.valid !== false) return undefined;
  const what = kind === '' ? 'a document' : `${kind} '${name}'`;
  const istioSays = `Istio ${istio.valid ? 'takes' : 'refuses'} it`;
  const clusterSays =
    cluster === undefined ? '' : `, an API server ${cluster.valid ? 'takes' : 'refuses'} it`;
  return `${file}:${line} ${what}: ${istioSays}${clusterSays}`;
}
