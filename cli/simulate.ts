/** `pointsman simulate`: the split that many requests would see, before any request is sent. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RouteTable, ValidResource } from '../router/index.ts';
import type { SimulationReport } from '../workbench/simulate/simulate.ts';
import type { TargetModel } from '../workbench/simulate/target-model.ts';
import { type ClientOptions, clientOf } from './client-option.ts';
import { defineCommand, jsonOption, parseLabel, parsePort, repeated } from './command.ts';
import { CommandFailure, EXIT, usageFailure } from './failure.ts';
import { pathsAndRequest } from './request-words.ts';

interface SimulateCommandOptions extends ClientOptions {
  readonly number: number;
  readonly seed: number;
  readonly users?: number;
  readonly userHeader: string;
  readonly target?: readonly string[];
  readonly rollout?: Rollout;
  readonly every: number;
  readonly port?: number;
  readonly svg?: string;
  readonly html?: string;
  readonly json?: true;
}

interface Rollout {
  readonly name: string;
  readonly percents: readonly number[];
}

const MAX_REQUESTS = 1_000_000_000;
const MAX_USERS = 1_000_000;
/** Destinations in a message, at most. */
const MAX_NAMED = 20;

/** Declares the command. */
export function simulateCommand(): Command {
  return defineCommand(
    'simulate',
    'Send many requests through the rules, on paper, and count where they go.',
    [
      'pointsman simulate deploy/istio/scenarios/canary-90-10.yaml -- http://dubbo-go-server/',
      'pointsman simulate rules.yaml -n 100000 --target v2:fail=5%,latency=20ms..80ms -- http://shop/cart',
      'pointsman simulate rules.yaml --rollout v2=5,10,25,50,100 --every 10m --svg rollout.svg -- http://shop/',
      "pointsman simulate rules.yaml --users 1000 --user-header x-user -- -H 'accept: text/html' http://shop/",
    ],
  )
    .usage("[options] <path...> -- [-X METHOD] [-H 'name: value'] URL")
    .argument('<path...>', 'files, folders, or - for standard input; after -- the request, as curl takes it')
    .option('-n, --number <requests>', 'how many', wholeNumber(1, MAX_REQUESTS), 1_000_000)
    .option('--seed <number>', 'chance that can be had again', wholeNumber(0, Number.MAX_SAFE_INTEGER), 1)
    .option(
      '--target <model>',
      'how a destination fares, like v2:fail=5%,refuse=1%,status=500,latency=20ms..80ms; repeatable',
      repeated,
    )
    .option('--rollout <subset=percents>', 'weights that grow, like v2=5,10,25,50,100', parseRollout)
    .addOption(
      new Option('--every <time>', 'between two steps of a rollout')
        .argParser(parseTime)
        .default(600_000, '10m'),
    )
    .option('--users <number>', 'requests come from so many users', wholeNumber(1, MAX_USERS))
    .option('--user-header <name>', 'header with a value for each user', 'x-user')
    .option('--svg <file>', 'draw a chart')
    .option('--html <file>', 'write a page with the chart')
    .option('--port <port>', "service port of the listener; default the URL's", parsePort)
    .option(
      '--gateway <name>',
      'take the rules bound to this gateway instead of mesh; without the Gateway in PATH one is assumed',
    )
    .option('--namespace <name>', "the client's namespace")
    .option('--labels <k=v>', "the client's labels; repeatable", parseLabel)
    .addOption(jsonOption())
    .action(run);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text.replaceAll(/[_,]/g, ''));
    if (!Number.isInteger(number) || number < least || number > most)
      throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`);
    return number;
  };
}

function parseRollout(text: string): Rollout {
  const at = text.lastIndexOf('=');
  const percents = text
    .slice(at + 1)
    .split(',')
    .map((each) => (/^\d+(?:\.\d+)?%?$/.test(each) ? Number.parseFloat(each) : Number.NaN));
  if (at < 1 || percents.some((percent) => !(percent >= 0 && percent <= 100)))
    throw new InvalidArgumentError('Write a subset and percentages, like v2=5,10,25,50,100.');
  return { name: text.slice(0, at), percents };
}

function parseTime(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Write a time like 30s, 10m or 1h.');
  return Number(number) * { s: 1000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
}

async function run(words: readonly string[], options: SimulateCommandOptions): Promise<void> {
  const { paths, request } = pathsAndRequest('simulate', words, options.port);
  const models = await modelsOf(options.target ?? []);
  const { readPaths } = await import('./input.ts');
  const { simulate } = await import('../workbench/simulate/simulate.ts');
  const { issueText, note, print, printJson, wantsColor } = await import('./terminal.ts');
  const { createProgress } = await import('./progress.ts');
  const { resources, issues } = await readPaths(paths);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of errors) note(`${issueText(issue, process.stderr)}\n`);
  if (errors.length > 0) process.exitCode = EXIT.findings;
  const steps = await stepsOf(resources, request.port, options);
  await assertKnown(models, steps[0]!.table);
  const { number: requests, seed, users: count, userHeader } = options;
  const users = count === undefined ? {} : { users: { count, header: userHeader.toLowerCase() } };
  const run = simulate({ request, requests, seed, steps, models, ...users });
  const progress = createProgress(requests, process.stderr);
  let next = run.next();
  for (; !next.done; next = run.next()) progress.show(next.value);
  progress.end();
  const report = next.value;
  await writeCharts(report, options, paths.join(' '));
  if (options.json) return printJson(report);
  const { simulationText } = await import('../workbench/simulate/text.ts');
  print(simulationText(report, { color: wantsColor(process.stdout) }));
}

async function modelsOf(texts: readonly string[]): Promise<TargetModel[]> {
  const { parseTargetModel } = await import('../workbench/simulate/target-model.ts');
  return texts.map((text) => {
    const model = parseTargetModel(text);
    if (typeof model === 'string') throw usageFailure(`Cannot read --target "${text}": ${model}`);
    return model;
  });
}

/** Throws for a model that no destination has. */
async function assertKnown(models: readonly TargetModel[], table: RouteTable): Promise<void> {
  const { othersThan } = await import('../workbench/simulate/target-model.ts');
  for (const model of models) {
    const others = othersThan(model, table);
    if (others === undefined) continue;
    const known = others.length === 0 ? 'none at all' : others.slice(0, MAX_NAMED).join(', ');
    throw usageFailure(
      `Cannot find the destination of --target "${model.name}": rules send requests to ${known}; write SUBSET, HOST or HOST/SUBSET`,
    );
  }
}

async function stepsOf(
  resources: readonly ValidResource[],
  port: number,
  { rollout, every, ...options }: SimulateCommandOptions,
) {
  const { assumedServices, assumedSubsets } = await import('../workbench/assumed-service.ts');
  const { assumedGateway } = await import('./assumed-gateway.ts');
  const { createRuleSet } = await import('../workbench/rule-set.ts');
  const { withShare } = await import('../workbench/simulate/rollout.ts');
  const client = clientOf(options) ?? {};
  const gateway = assumedGateway('simulate', resources, client, port);
  const all = [...resources, ...assumedSubsets(resources), ...gateway];
  const table = createRuleSet(all, assumedServices(all, [port])).tableFor(client, [port]);
  if (!rollout) return [{ label: '', table }];
  return rollout.percents.map((percent, index) => {
    const changed = withShare(table, rollout.name, percent);
    if (changed === undefined)
      throw usageFailure(
        `Cannot roll out "${rollout.name}": no rule splits requests between it and another destination`,
      );
    return { label: timeText(index * every), table: changed };
  });
}

/** `90s` as people say it: `1m30s`. */
function timeText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const text = parts.map(([value, unit]) => (value === 0 ? '' : `${value}${unit}`)).join('');
  return text === '' ? '0s' : text;
}

async function writeCharts(
  report: SimulationReport,
  { svg, html }: SimulateCommandOptions,
  title: string,
): Promise<void> {
  if (svg === undefined && html === undefined) return;
  const { writeFile } = await import('node:fs/promises');
  const { simulationHtml, simulationSvg } = await import('../workbench/simulate/chart.ts');
  const files = [
    ...(svg === undefined ? [] : [[svg, simulationSvg(report)] as const]),
    ...(html === undefined ? [] : [[html, simulationHtml(report, `Simulation of ${title}`)] as const]),
  ];
  for (const [file, text] of files) {
    try {
      await writeFile(file, `${text}\n`);
    } catch (error) {
      throw new CommandFailure(`Cannot write "${file}": ${(error as Error).message}`);
    }
  }
}
