/**
 * Runs recorded cases of real Istio with Envoy against Pointsman:
 *
 *     bun test/conformance/run.ts --cases DIR [--mode router|gateway] [--filter TEXT] [--json]
 *
 * DIR is a folder of cases, one case, or the `validation` folder with its `verdict.json`. Each difference is printed as want and got; the last line is
 * `N passed, N failed, N skipped`; skipped is what gateway mode is known to do otherwise, with the reason. Exit 0: all as recorded, 1: differences, 2: wrong use.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { type Difference, formatDifference } from './compare.ts';
import { runGatewayCases } from './gateway-mode.ts';
import { KNOWN_DIFFERENCES } from './gateway-mode-difference.ts';
import { runRouterCase } from './router-mode.ts';
import { isValidationFolder, runValidation } from './validation-mode.ts';
import { type Case, caseFolders, readCase } from './world.ts';

interface CaseReport {
  readonly name: string;
  readonly passed: boolean;
  /** Why it differs, where that is known. */
  readonly skipped?: string;
  readonly differences: readonly Difference[];
  /** The case itself could not be run. */
  readonly error?: string;
}

process.exitCode = await main(process.argv.slice(2));
// A runtime's own handles must not keep the process, once all is told.
setTimeout(() => process.exit(), 2000).unref();

async function main(argv: string[]): Promise<number> {
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
  const { mode } = values;
  if (mode !== 'router' && mode !== 'gateway')
    return wrongUse(`Unknown mode '${mode}': expected router or gateway`);
  if (values.cases === undefined) return wrongUse('Cannot run without cases: say --cases DIR');
  if (isValidationFolder(values.cases)) return validation(values.cases, values.filter, values.json);
  let folders: string[];
  try {
    folders = caseFolders(values.cases);
  } catch {
    return wrongUse(`Cannot read '${values.cases}': expected a folder of cases`);
  }
  const { filter } = values;
  const chosen = folders.filter((folder) => filter === undefined || basename(folder).includes(filter));
  const reports: CaseReport[] = [];
  const told = (report: CaseReport): void => {
    reports.push(report);
    if (!values.json && !report.passed) print(report);
  };
  const cases = chosen.flatMap((folder) => {
    try {
      return [readCase(folder)];
    } catch (error) {
      told({ name: basename(folder), passed: false, differences: [], error: messageOf(error) });
      return [];
    }
  });
  if (mode === 'gateway')
    await runGatewayCases(cases, (recorded, outcome) => told(knownOrNot(report(recorded, outcome))));
  else for (const recorded of cases) told(report(recorded, outcomeOf(recorded)));
  if (reports.length === 0) return wrongUse(`No case in '${values.cases}' fits`);
  const skipped = reports.filter((each) => each.skipped !== undefined).length;
  const passed = reports.filter((each) => each.passed).length;
  const failed = reports.length - passed - skipped;
  const counts = { passed, failed, skipped };
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

/** What the router does with a case. */
function outcomeOf(recorded: Case): readonly Difference[] | Error {
  try {
    return runRouterCase(recorded);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function report({ name }: Case, outcome: readonly Difference[] | Error): CaseReport {
  if (outcome instanceof Error) return { name, passed: false, differences: [], error: outcome.message };
  return { name, passed: outcome.length === 0, differences: outcome };
}

/** A difference that is known fails nothing, but its absence does. */
function knownOrNot(report: CaseReport): CaseReport {
  const { name, passed, differences } = report;
  const reason = Object.hasOwn(KNOWN_DIFFERENCES, name) ? KNOWN_DIFFERENCES[name] : undefined;
  if (reason === undefined) return report;
  if (passed) return { name, passed: false, differences, error: `agrees, but is known to differ: ${reason}` };
  return differences.length > 0 ? { ...report, skipped: reason } : report;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function print({ name, skipped, differences, error }: CaseReport): void {
  if (skipped !== undefined) return console.log(`SKIP ${name}: ${skipped}`);
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
