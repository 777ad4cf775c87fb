/** The results of route tests as JUnit XML, which CI systems show. */
import { curlOf } from '../router/region/example.ts';
import { escapeMarkup } from '../workbench/markup.ts';
import type { CaseResult } from '../workbench/route-test/run.ts';

/** The document: a suite for each file, a case for each request. */
export function junitXml(results: readonly CaseResult[]): string {
  const suites = [...Map.groupBy(results, ({ file }) => file)].map(([file, own]) => {
    const cases = own.map((each) => caseXml(each));
    return `  <testsuite name="${escaped(file)}" ${counts(own)}>\n${cases.join('')}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="pointsman" ${counts(results)}>\n${suites.join('')}</testsuites>\n`;
}

function counts(results: readonly CaseResult[]): string {
  const failures = results.filter(({ mismatches }) => mismatches.length > 0).length;
  return `tests="${results.length}" failures="${failures}" errors="0"`;
}

function caseXml({ name, file, line, mismatches, request }: CaseResult): string {
  const curl = curlOf({ request, gateway: 'mesh', labels: {} });
  const head = `    <testcase name="${escaped(`${name}: ${curl}`)}" classname="${escaped(file)}" file="${escaped(file)}" line="${line}"`;
  if (mismatches.length === 0) return `${head}/>\n`;
  const lines = mismatches.map(({ field, want, got }) => `${field}: wanted ${want}, got ${got}`);
  return `${head}>\n      <failure message="${escaped(lines[0]!)}">${escaped(lines.join('\n'))}</failure>\n    </testcase>\n`;
}

/** An attribute's line ends would be read as spaces. */
function escaped(text: string): string {
  return escapeMarkup(text).replaceAll('\n', '&#10;');
}
