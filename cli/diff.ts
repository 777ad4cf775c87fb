/** `pointsman diff`: which requests two versions of rules treat differently, with an example of each. */
import { type Command, Option } from 'commander';
import type { Client } from '../workbench/client.ts';
import type { RuleDiff } from '../workbench/diff/index.ts';
import type { ReplayTables } from '../workbench/diff/replay-table.ts';
import type { ProxyDiff } from '../workbench/proxy/diff.ts';
import { type ClientOptions, clientOf } from './client-option.ts';
import { defineCommand, jsonOption, parseLabel } from './command.ts';
import { EXIT, usageFailure } from './failure.ts';
import type { RuleSide } from './rule-side.ts';

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
      'pointsman diff xds://localhost:15010 deploy/istio --namespace shop   # of what istiod tells the sidecars of shop',
      'pointsman diff config-dump.json deploy/istio   # of what an Envoy has',
      'pointsman diff routes-before.json routes-after.json',
    ],
  )
    .argument(
      '<old>',
      'a file, folder or -, REV or REV:PATH of git, the URL of a gateway, k8s:// of a cluster, xds://HOST:PORT of istiod, or JSON of istioctl proxy-config routes or an Envoy config dump',
    )
    .argument('<new>', 'the same')
    .option('--log <file>', 'count how many requests of an access log move (lines of Envoy or JSON)')
    .option(
      '--gateway <name>',
      'look at requests through this gateway alone; without the Gateway on either side one is assumed',
    )
    .option('--namespace <name>', 'look at clients in this namespace alone')
    .option('--labels <k=v>', 'look at clients with these labels alone; repeatable', parseLabel)
    .addOption(jsonOption())
    .addOption(new Option('--markdown', 'print Markdown, for a pull request').conflicts('json'))
    .action(diff);
}

async function diff(oldName: string, newName: string, options: DiffCommandOptions): Promise<void> {
  const { readSide } = await import('./rule-side.ts');
  const { diffText, diffMarkdown } = await import('../workbench/diff/text.ts');
  const { issueText, note, print, printJson, wantsColor } = await import('./terminal.ts');
  const client = clientOf(options);
  const before = await readSide(oldName, newName, client);
  const after = await readSide(newName, oldName, client);
  const issues = [...before.issues, ...after.issues];
  for (const issue of issues) note(`${issueText(issue, process.stderr)}\n`);
  const { found, tables, assumed, exportedByDefault } = await compared(before, after, client);
  if (!found.isComplete && found.leftOut.length === 0)
    note(`left out: rules tell more clients apart than the ${found.clients.length} that were compared`);
  for (const each of found.leftOut) note(`left out: ${each}`);
  const replay = options.log === undefined ? undefined : await replayLog(options.log, tables);
  const { moves, unknown, clusters, gateways } = found;
  const told = moves.length + unknown.length + clusters.length + gateways.length;
  const isSame = told === 0 && found.isComplete;
  if (!isSame || issues.length > 0) process.exitCode = EXIT.findings;
  if (options.json) {
    const { readable } = await import('../router/route/readable.ts');
    printJson({
      same: isSame,
      ...found,
      moves: found.moves.map(({ example, ...move }) => ({
        ...move,
        ...(example && { example: { ...example, request: readable(example.request) } }),
      })),
      ...(exportedByDefault.length > 0 && { exportedByDefault }),
      issues,
      ...(replay && { log: replay }),
    });
    return;
  }
  const { replayText } = await import('../workbench/diff/replay.ts');
  print(options.markdown ? diffMarkdown(found) : diffText(found, { color: wantsColor(process.stdout) }));
  if (replay) print(`\n${replayText(replay)}`);
  if (replay && options.gateway === undefined) {
    const { boundGateways } = await import('../workbench/assumed-gateway.ts');
    const gateways = boundGateways([...before.resources, ...after.resources]);
    if (gateways.length > 0)
      note(
        `the log was read as that of clients in the mesh; of a gateway's own, write --gateway, for example ${gateways[0]}`,
      );
  }
  if (found.assumed.length > 0)
    note(`subsets are assumed to exist, as no DestinationRule was given, of ${listed(found.assumed)}`);
  if (assumed.length > 0)
    note(`assumed to be there, as rules name them and the proxy does not: ${assumed.join(', ')}`);
  if (!isSame && exportedByDefault.length > 0)
    note(
      `taken as seen in all namespaces, as they have no exportTo, where the mesh's default may be another one that no proxy tells: ${exportedByDefault.join(', ')}`,
    );
  // What could not be read is on neither side, so that nothing is proved of it.
  if (issues.length > 0) note('some resources could not be read; nothing is said of them');
}

/** The first of them, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more, see --json` : '';
  return `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}

const MAX_NAMED = 10;

interface Compared {
  readonly found: RuleDiff & { readonly leftOut: readonly string[] };
  /** Both sides, for a log. */
  readonly tables: ReplayTables;
  /** What a proxy does not know and rules name. */
  readonly assumed: readonly string[];
  /** Rules beside a proxy whose visibility the mesh's default decides. */
  readonly exportedByDefault: readonly string[];
}

/** The difference of rules and rules, of a proxy and a proxy, or of a proxy and what it would have of rules. */
async function compared(before: RuleSide, after: RuleSide, client: Client | undefined): Promise<Compared> {
  const { diffRules } = await import('../workbench/diff/index.ts');
  if (!before.proxy && !after.proxy) {
    const { assertKnownGateway } = await import('./assumed-gateway.ts');
    if (client) assertKnownGateway('compare requests', [...before.resources, ...after.resources], client);
    const { tablesOfRules } = await import('../workbench/diff/replay-table.ts');
    const found = diffRules(before.resources, after.resources, client ? { clients: [client] } : {});
    return {
      found: { ...found, leftOut: [] },
      tables: tablesOfRules(before.resources, after.resources, client ?? {}),
      assumed: [],
      exportedByDefault: [],
    };
  }
  const { diffWithProxy } = await import('../workbench/proxy/diff.ts');
  const sideOf = ({ proxy, resources }: RuleSide) => (proxy ? { proxy } : { resources });
  let made: ProxyDiff;
  try {
    made = diffWithProxy(sideOf(before), sideOf(after), client);
  } catch (error) {
    if (error instanceof TypeError) throw usageFailure(error.message);
    throw error;
  }
  const { diff: found, leftOut, assumed, exportedByDefault, ...tables } = made;
  return {
    found: { ...found, leftOut },
    tables: { before: () => tables.before, after: () => tables.after },
    assumed,
    exportedByDefault,
  };
}

async function replayLog(file: string, tables: ReplayTables) {
  const { createReplay } = await import('../workbench/diff/replay.ts');
  const { linesOf } = await import('./line.ts');
  const replay = createReplay(tables);
  for await (const line of linesOf(file)) replay.add(line);
  return replay.report();
}
