/**
 * Runs recorded cases of real Istio with Envoy against Pointsman:
 *
 *     bun test/conformance/run.ts --cases DIR [--mode router|gateway] [--filter TEXT] [--json]
 *
 * DIR is a folder of cases, one case, or the `validation` folder with its `verdict.json`. Each difference is printed as want and got; the last line is
 * `N passed, N failed, N skipped`. Exit 0: all as recorded, 1: differences, 2: wrong use.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { type Difference, formatDifference } from './compare.ts';
import { runRouterCase } from './router-mode.ts';
import { isValidationFolder, runValidation } from './validation-mode.ts';
import { caseFolders, readCase } from './world.ts';

interface CaseReport {
  readonly name: string;
  readonly passed: boolean;
  readonly differences: readonly Difference[];
  /** The case itself could not be run. */
  readonly error?: string;
}

process.exitCode = main(process.argv.slice(2));

function main(argv: string[]): number {
  let values: { cases?: string; mode: string; filter?: string; json: boolean };
  try {
    values = parseArgs({
      args: argv,
      options: {
        cases: { type: 'string' },
        mode: { type: 'string', default: 'router' },
        filter: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }).values as typeof values;
  } catch (error) {
    return wrongUse(error instanceof Error ? error.message : String(error));
  }
  if (values.mode === 'gateway') return wrongUse('Cannot run in mode gateway: it is not there yet');
  if (values.mode !== 'router') return wrongUse(`Unknown mode '${values.mode}': expected router or gateway`);
  if (values.cases === undefined) return wrongUse('Cannot run without cases: say --cases DIR');
  if (isValidationFolder(values.cases)) return validation(values.cases, values.filter, values.json);
  let folders: string[];
  try {
    folders = caseFolders(values.cases);
  } catch {
    return wrongUse(`Cannot read '${values.cases}': expected a folder of cases`);
  }
  const { filter } = values;
  const reports = folders
    .filter((folder) => filter === undefined || basename(folder).includes(filter))
    .map((folder) => {
      const report = runCase(folder);
      if (!values.json && !report.passed) print(report);
      return report;
    });
  if (reports.length === 0) return wrongUse(`No case in '${values.cases}' fits`);
  const failed = reports.filter(({ passed }) => !passed).length;
  const counts = { passed: reports.length - failed, failed, skipped: 0 };
  if (values.json) console.log(JSON.stringify({ ...counts, cases: reports }, null, 2));
  else console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

function validation(folder: string, filter: string | undefined, json: boolean): number {
  const results = runValidation(folder, filter);
  if (results.length === 0) return wrongUse(`No file in '${folder}' fits`);
  const failed = results.filter(({ passed }) => !passed);
  const counts = { passed: results.length - failed.length, failed: failed.length, skipped: 0 };
  if (json) console.log(JSON.stringify({ ...counts, cases: results }, null, 2));
  else {
    for (const { file, differences } of failed) console.log(`${file}\n  ${differences.join('\n  ')}`);
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
  return failed.length > 0 ? 1 : 0;
}

function runCase(folder: string): CaseReport {
  const name = basename(folder);
  try {
    const differences = runRouterCase(readCase(folder));
    return { name, passed: differences.length === 0, differences };
  } catch (error) {
    return {
      name,
      passed: false,
      differences: [],
      error: error instanceof Error ? error.message : String(error),
    };
  }
}

function print({ name, differences, error }: CaseReport): void {
  console.log(`FAIL ${name}`);
  if (error !== undefined) console.log(`  ${error}`);
  for (const difference of differences) console.log(`  ${formatDifference(difference)}`);
}

function wrongUse(message: string): number {
  console.error(message);
  console.error(
    'Usage: bun test/conformance/run.ts --cases DIR [--mode router|gateway] [--filter TEXT] [--json]',
  );
  return 2;
}
