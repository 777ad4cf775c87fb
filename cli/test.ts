/** `pointsman test`: route tests from YAML, held against the rules beside them. */
import { type Command, InvalidArgumentError } from 'commander';
import type { RouteRequest } from '../router/index.ts';
import type { TestReport } from '../workbench/route-test/run.ts';
import { defineCommand, jsonOption } from './command.ts';
import { CommandFailure, EXIT, usageFailure } from './failure.ts';

interface TestOptions {
  readonly failUnder?: number;
  readonly junit?: string;
  readonly github?: true;
  readonly watch?: true;
  readonly verbose?: true;
  readonly record?: string;
  readonly json?: true;
}

/** Declares the command. */
export function testCommand(): Command {
  return defineCommand(
    'test',
    'Run route tests from YAML against rules, and tell what of the rules they leave untested.',
    [
      'pointsman test deploy/istio deploy/istio/test',
      'pointsman test virtualservice.yaml virtualservice_test.yml',
      'pointsman test rules/ --fail-under 80 --junit report.xml',
      'pointsman test rules/ --watch',
      'pointsman test rules/ --record access.log > recorded.test.yaml',
      'pointsman test --record http://localhost:9901 > recorded.test.yaml',
    ],
  )
    .argument(
      '[path...]',
      'rules and tests: files, folders (their own .yaml, .yml and .json files, *.test.yaml too), or - for standard input',
    )
    .option('--fail-under <percent>', 'exit 1 when less of the rules is covered', parsePercent)
    .option('--junit <file>', 'write the results as JUnit XML too')
    .option('--github', 'print failures as annotations; the default where GITHUB_ACTIONS is set')
    .option('--watch', 'run again whenever a file changes')
    .option(
      '--record <from>',
      'print tests of what the rules do: for the requests of an access log, or for one of each rule of a running gateway (its URL)',
    )
    .option('-v, --verbose', 'list tests that pass, and all that is not covered')
    .addOption(jsonOption())
    .addHelpText('after', FORMAT)
    .action(test);
}

const FORMAT = `
A file of tests, for example shop.test.yaml beside shop.yaml:
  tests:
    - name: admin gets v2
      request: { url: http://shop/cart, headers: { user: admin } }
      expect: { destination: shop, subset: v2 }
The test cases of istio-config-validator (testCases) are read as they are.`;

function parsePercent(text: string): number {
  const percent = Number(text);
  if (!/^\d+(?:\.\d+)?$/.test(text) || percent > 100)
    throw new InvalidArgumentError('Write a percentage from 0 to 100.');
  return percent;
}

async function test(paths: readonly string[], options: TestOptions): Promise<void> {
  if (options.record !== undefined) return record(paths, options.record);
  if (paths.length === 0)
    throw usageFailure('Cannot test without rules and tests: write pointsman test PATH...');
  if (!options.watch) return runOnce(paths, options);
  const { watchPaths } = await import('./watch.ts');
  const { note } = await import('./terminal.ts');
  const changes = await watchPaths(paths);
  await runOnce(paths, options);
  note('watching; press Ctrl-C to end');
  for await (const _ of changes) {
    process.exitCode = EXIT.fine;
    note(`\n${new Date().toLocaleTimeString()} changed`);
    try {
      await runOnce(paths, options);
    } catch (error) {
      // A file may be gone for a moment while it is saved.
      if (!(error instanceof CommandFailure)) throw error;
      note(`error: ${error.message}`);
    }
  }
}

async function runOnce(paths: readonly string[], options: TestOptions): Promise<void> {
  const { readTexts } = await import('./rule-text.ts');
  const { readTestInput } = await import('../workbench/route-test/input.ts');
  const { runRouteTests } = await import('../workbench/route-test/run.ts');
  const { createRuleSet } = await import('../workbench/rule-set.ts');
  const { annotationsOf, printTestReport } = await import('./test-report.ts');
  const { readable } = await import('../router/route/readable.ts');
  const { issueText, note, print, printJson } = await import('./terminal.ts');
  const { texts, issues: unread } = await readTexts(paths, { tests: true });
  const input = readTestInput(texts);
  const issues = [...unread, ...input.issues].filter(({ severity }) => severity === 'error');
  if (input.files === 0 && issues.length === 0)
    throw new CommandFailure(
      `Cannot find tests in ${paths.join(', ')}: write some in a file like rules.test.yaml, see "pointsman test --help"`,
      EXIT.usage,
    );
  const report = runRouteTests(createRuleSet(input.resources), input.tests, input.cases);
  const failed = report.results.filter(({ mismatches }) => mismatches.length > 0).length;
  const isLow = options.failUnder !== undefined && report.coverage.percent < options.failUnder;
  if (failed > 0 || issues.length > 0 || isLow) process.exitCode = EXIT.findings;
  if (options.junit !== undefined) await writeJunit(options.junit, report);
  if (options.json) {
    const results = report.results.map(({ request, ...rest }) => ({ ...rest, request: readable(request) }));
    printJson({ passed: results.length - failed, failed, issues, ...report, results });
    return;
  }
  for (const issue of issues) note(`${issueText(issue, process.stderr)}\n`);
  printTestReport(report, options.verbose ?? false);
  if (isLow) note(`coverage ${report.coverage.percent.toFixed(1)} % is below ${options.failUnder} %`);
  if (options.github || process.env['GITHUB_ACTIONS'] === 'true')
    for (const line of annotationsOf(report.results, issues)) print(line);
}

async function writeJunit(file: string, report: TestReport): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  const { junitXml } = await import('./junit.ts');
  try {
    await writeFile(file, junitXml(report.results));
  } catch (error) {
    throw new CommandFailure(`Cannot write "${file}": ${(error as Error).message}`);
  }
}

/** Prints tests of what the rules do today. */
async function record(paths: readonly string[], from: string): Promise<void> {
  const { dump } = await import('js-yaml');
  const { recordTests, requestsOfLog, requestsOfRules } = await import('../workbench/route-test/record.ts');
  const { createRuleSet } = await import('../workbench/rule-set.ts');
  const { issueText, note, print } = await import('./terminal.ts');
  const isGateway = /^https?:\/\//.test(from);
  if (!isGateway && paths.length === 0)
    throw usageFailure('Cannot record from a log without rules: write pointsman test PATH... --record LOG');
  const { readSides } = await import('./rule-side.ts');
  const { resources, issues } = await readSides(paths.length > 0 ? paths : [from]);
  for (const issue of issues) note(`${issueText(issue, process.stderr)}\n`);
  if (issues.length > 0) process.exitCode = EXIT.findings;
  const rules = createRuleSet(resources);
  const requests = isGateway ? requestsOfRules(rules) : requestsOfLog(rules, await loggedRequests(from));
  const document = recordTests(rules, requests);
  print('# What the rules did when this was recorded; look it over before you keep it.');
  print(dump(document, { lineWidth: 110, noRefs: true, skipInvalid: true }).trimEnd());
}

async function loggedRequests(file: string): Promise<RouteRequest[]> {
  const { readLogLine } = await import('../workbench/access-log.ts');
  const { linesOf } = await import('./line.ts');
  const { note } = await import('./terminal.ts');
  const requests: RouteRequest[] = [];
  let broken = 0;
  for await (const line of linesOf(file)) {
    const read = readLogLine(line);
    if (read) requests.push(read.request);
    else if (line.trim() !== '') broken++;
  }
  if (broken > 0) note(`${broken} ${broken === 1 ? 'line is' : 'lines are'} no access log and left out`);
  return requests;
}
