/** What `pointsman test` shows: failures with what was wanted and got, coverage, and annotations. */
import type { Issue } from '../router/issue.ts';
import { curlOf } from '../router/region/example.ts';
import { type Client, clientName } from '../workbench/client.ts';
import { COVERAGE_KINDS, type Coverage } from '../workbench/route-test/coverage.ts';
import type { CaseResult, TestReport } from '../workbench/route-test/run.ts';
import { print, styled } from './terminal.ts';

/** Of what is not covered, so much is listed. */
const MAX_UNCOVERED = 10;

/** Prints the report for people. */
export function printTestReport({ results, coverage }: TestReport, isVerbose: boolean): void {
  for (const result of results) {
    const isFailed = result.mismatches.length > 0;
    if (isFailed) printFailure(result);
    else if (isVerbose) print(`${styled('green', '✓')} ${result.name}`);
    if (result.validator !== undefined)
      print(`${isFailed || isVerbose ? '    ' : `${result.name}: `}${result.validator}`);
  }
  printCoverage(coverage, isVerbose);
  const failed = results.filter(({ mismatches }) => mismatches.length > 0).length;
  const verdict = `${results.length - failed} passed, ${failed} failed`;
  print(styled(failed > 0 ? 'red' : 'green', verdict));
}

function printFailure({ name, file, line, mismatches, ...sent }: CaseResult): void {
  print(`${styled('red', '✗')} ${styled('bold', name)} ${styled('dim', `${file}:${line}`)}`);
  for (const { field, want, got } of mismatches) print(`    ${field}: wanted ${want}, got ${got}`);
  print(styled('dim', `    ${sentText(sent)}`));
}

/** The request as a line to paste. */
function sentText({ request, client }: Pick<CaseResult, 'request' | 'client'>): string {
  const curl = curlOf({ request, gateway: 'mesh', labels: {} });
  return isUsual(client) ? curl : `${curl} (from ${clientName(client)})`;
}

function isUsual({ namespace, labels, gateway }: Client): boolean {
  return namespace === undefined && labels === undefined && gateway === undefined;
}

function printCoverage({ counts, percent, uncovered }: Coverage, isVerbose: boolean): void {
  const parts = COVERAGE_KINDS.map((kind) => `${kind} ${counts[kind].covered}/${counts[kind].total}`);
  print(`coverage ${percent.toFixed(1)} %: ${parts.join(', ')}`);
  // Of a rule that nothing got to, its parts are no news.
  const rules = uncovered.filter(({ kind }) => kind === 'rules').map(({ what }) => what);
  const open = uncovered.filter(({ what }) => !rules.some((rule) => what !== rule && what.startsWith(rule)));
  const listed = isVerbose ? open : open.slice(0, MAX_UNCOVERED);
  for (const { what, file, line, example } of listed) {
    const place = file === undefined ? '' : styled('dim', ` ${file}:${line ?? 1}`);
    print(`  not covered: ${what}${place}${example === undefined ? '' : `\n    ${example}`}`);
  }
  const more = open.length - listed.length;
  if (more > 0) print(`  and ${more} more`);
}

/**
 * GitHub's workflow commands, one a line.
 *
 * Source: docs.github.com, "Workflow commands for GitHub Actions" (error).
 */
export function annotationsOf(results: readonly CaseResult[], issues: readonly Issue[]): string[] {
  const failures = results.filter(({ mismatches }) => mismatches.length > 0);
  return [
    ...issues.map(({ file, line, column, code, message }) =>
      annotation({ file: file ?? '', line: line ?? 1, ...(column && { col: column }), title: code }, message),
    ),
    ...failures.map(({ file, line, name, mismatches }) =>
      annotation(
        { file, line, title: name },
        mismatches.map(({ field, want, got }) => `${field}: wanted ${want}, got ${got}`).join('\n'),
      ),
    ),
  ];
}

function annotation(properties: Readonly<Record<string, string | number>>, message: string): string {
  const encoded = (text: string) =>
    text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const pairs = Object.entries(properties).map(
    ([name, value]) => `${name}=${encoded(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`,
  );
  return `::error ${pairs.join(',')}::${encoded(message)}`;
}
