/** `pointsman diff`: which requests two versions of rules treat differently, with an example of each. */
import { type Command, Option } from 'commander';
import { type ClientOptions, clientOf } from './client-option.ts';
import { defineCommand, jsonOption, parseLabel } from './command.ts';
import { EXIT, usageFailure } from './failure.ts';

interface DiffCommandOptions extends ClientOptions {
  readonly markdown?: true;
  readonly log?: string;
  readonly json?: true;
}

/** Declares the command. */
export function diffCommand(): Command {
  return defineCommand(
    'diff',
    'Tell which requests move between two versions of rules, exactly, with an example of each.',
    [
      'pointsman diff deploy/istio/scenarios/all-v1.yaml deploy/istio/scenarios/user-admin.yaml',
      'pointsman diff HEAD deploy/istio',
      'pointsman diff HEAD~1:deploy/istio HEAD:deploy/istio --markdown',
      'pointsman diff http://localhost:9901 deploy/istio --log access.log',
      'pointsman diff k8s:// deploy/istio   # what would an apply to the cluster move?',
      'pointsman diff routes-before.json routes-after.json',
    ],
  )
    .argument(
      '<old>',
      'a file, folder or -, REV or REV:PATH of git, the URL of a gateway, k8s:// of a cluster, or JSON of istioctl proxy-config routes or an Envoy config dump',
    )
    .argument('<new>', 'the same')
    .option('--log <file>', 'count how many requests of an access log move (lines of Envoy or JSON)')
    .option('--gateway <name>', 'look at requests through this gateway alone')
    .option('--namespace <name>', 'look at clients in this namespace alone')
    .option('--labels <k=v>', 'look at clients with these labels alone; repeatable', parseLabel)
    .addOption(jsonOption())
    .addOption(new Option('--markdown', 'print Markdown, for a pull request').conflicts('json'))
    .action(diff);
}

async function diff(oldName: string, newName: string, options: DiffCommandOptions): Promise<void> {
  const { readSide } = await import('./rule-side.ts');
  const { diffRules, diffTableSets } = await import('../workbench/diff/index.ts');
  const { diffText, diffMarkdown } = await import('../workbench/diff/text.ts');
  const { issueText, note, print, printJson, wantsColor } = await import('./terminal.ts');
  const sides = { before: await readSide(oldName, newName), after: await readSide(newName, oldName) };
  const issues = [...sides.before.issues, ...sides.after.issues];
  for (const issue of issues) note(`${issueText(issue, process.stderr)}\n`);
  const client = clientOf(options);
  const { resources: before } = sides.before;
  const { resources: after } = sides.after;
  const dumps = [sides.before.dump, sides.after.dump];
  if (!dumps[0] !== !dumps[1])
    throw usageFailure('Cannot compare what a proxy has with rules: give the same of both, before and after');
  if (dumps[0] && options.log !== undefined)
    throw usageFailure('Cannot replay a log against what proxies have: give rules');
  const compared =
    dumps[0] && dumps[1]
      ? diffTableSets(dumps[0].table, dumps[1].table)
      : diffRules(before, after, client ? { clients: [client] } : {});
  const leftOut = dumps.flatMap((dump) => dump?.leftOut ?? []);
  for (const each of leftOut) note(`left out: ${each}`);
  if (!compared.isComplete)
    note(`left out: rules tell more clients apart than the ${compared.clients} that were compared`);
  const found = leftOut.length > 0 ? { ...compared, isComplete: false } : compared;
  const replay =
    options.log === undefined ? undefined : await replayLog(options.log, before, after, client ?? {});
  const isSame = found.moves.length + found.unknown.length + found.clusters.length === 0 && found.isComplete;
  if (!isSame || issues.length > 0) process.exitCode = EXIT.findings;
  if (options.json) {
    printJson({ same: isSame, ...found, issues, ...(replay && { log: replay }) });
    return;
  }
  const { replayText } = await import('../workbench/diff/replay.ts');
  print(options.markdown ? diffMarkdown(found) : diffText(found, { color: wantsColor(process.stdout) }));
  if (replay) print(`\n${replayText(replay)}`);
  if (found.assumed.length > 0)
    note(`subsets are assumed to exist, as no DestinationRule was given, of ${found.assumed.join(', ')}`);
  // What could not be read is on neither side, so that nothing is proved of it.
  if (issues.length > 0) note('some resources could not be read; nothing is said of them');
}

async function replayLog(
  file: string,
  before: Parameters<typeof import('../workbench/diff/replay.ts').createReplay>[0],
  after: typeof before,
  client: Parameters<typeof import('../workbench/diff/replay.ts').createReplay>[2],
) {
  const { createReplay } = await import('../workbench/diff/replay.ts');
  const { linesOf } = await import('./line.ts');
  const replay = createReplay(before, after, client);
  for await (const line of linesOf(file)) replay.add(line);
  return replay.report();
}
