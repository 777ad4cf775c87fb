/** Issues as SARIF 2.1.0, which code hosts show beside the lines. Imports issues alone. */
import { pathToFileURL } from 'node:url';
import { ISSUE_CODES, type IssueCode } from '../router/issue.ts';
import type { JudgedIssue } from '../workbench/check/index.ts';

/**
 * A SARIF log with one run: a result for each issue, a rule for each code that occurs. Columns count UTF-16 units.
 *
 * Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
 */
export function sarifLog(issues: readonly JudgedIssue[], version: string): object {
  const codes = [...new Set(issues.map(({ code }) => code))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'pointsman', version, rules: codes.map((code) => ruleOf(code)) },
        },
        columnKind: 'utf16CodeUnits',
        results: issues.map((issue) => resultOf(issue, codes.indexOf(issue.code))),
      },
    ],
  };
}

function ruleOf(code: IssueCode): object {
  return {
    id: code,
    shortDescription: { text: ISSUE_CODES[code] },
    help: { text: `${ISSUE_CODES[code]} See docs/lint.md#${code} of Pointsman.` },
  };
}

function resultOf(issue: JudgedIssue, ruleIndex: number): object {
  const { code, severity, message, file, resource, example, by } = issue;
  const text = example === undefined ? message : `${message}. For example: ${example}`;
  const names = resource && {
    logicalLocations: [
      {
        name: resource.name,
        fullyQualifiedName: `${resource.kind}/${resource.namespace}/${resource.name}`,
        kind: 'resource',
      },
    ],
  };
  const physicalLocation = file !== undefined && {
    physicalLocation: { artifactLocation: { uri: uriOf(file) }, ...regionOf(issue) },
  };
  return {
    ruleId: code,
    ruleIndex,
    level: severity,
    message: { text },
    ...((physicalLocation || names) && { locations: [{ ...physicalLocation, ...names }] }),
    properties: { by },
  };
}

function regionOf({ line, column, excerpt }: JudgedIssue): object {
  if (line === undefined) return {};
  return {
    region: {
      startLine: line,
      ...(column !== undefined && { startColumn: column }),
      ...(excerpt !== undefined && { snippet: { text: excerpt } }),
    },
  };
}

/** A relative path stays relative, to the folder that the program ran in. */
function uriOf(file: string): string {
  if (file === '-') return 'stdin';
  if (/^([A-Za-z]:)?[\\/]/.test(file)) return pathToFileURL(file).href;
  return file
    .split(/[\\/]/)
    .map((part) => encodeURIComponent(part))
    .join('/');
}
