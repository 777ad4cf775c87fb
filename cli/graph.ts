/** `pointsman graph`: hosts, rules, destinations and endpoints as a picture. */
import { type Command, Option } from 'commander';
import { type ClientOptions, clientOf } from './client-option.ts';
import { defineCommand, jsonOption, parseLabel } from './command.ts';
import { CommandFailure, EXIT } from './failure.ts';

interface GraphOptions extends ClientOptions {
  readonly format?: 'mermaid' | 'dot' | 'svg';
  readonly output?: string;
  readonly json?: true;
}

/** Declares the command. */
export function graphCommand(): Command {
  return defineCommand('graph', 'Draw hosts, rules, destinations and endpoints.', [
    'pointsman graph deploy/istio',
    'pointsman graph deploy/istio -o rules.svg',
    'pointsman graph deploy/istio --format dot | dot -Tpng > rules.png',
  ])
    .argument('<path...>', 'files, folders, or - for standard input')
    .addOption(
      new Option('-f, --format <format>', "default the output file's ending, else mermaid").choices([
        'mermaid',
        'dot',
        'svg',
      ]),
    )
    .option('-o, --output <file>', 'write to a file')
    .option(
      '--gateway <name>',
      'only what comes through this gateway; without the Gateway in PATH one is assumed',
    )
    .option('--namespace <name>', 'only what clients in this namespace see')
    .option('--labels <k=v>', 'only what clients with these labels see; repeatable', parseLabel)
    .addOption(jsonOption())
    .action(graph);
}

async function graph(paths: readonly string[], options: GraphOptions): Promise<void> {
  const { readPaths } = await import('./input.ts');
  const { assertKnownGateway } = await import('./assumed-gateway.ts');
  const { graphOf } = await import('../workbench/graph/model.ts');
  const { issueText, note, print } = await import('./terminal.ts');
  const { resources, issues } = await readPaths(paths);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of errors) note(`${issueText(issue, process.stderr)}\n`);
  if (errors.length > 0) process.exitCode = EXIT.findings;
  const client = clientOf(options);
  if (client) assertKnownGateway('draw rules', resources, client);
  const found = graphOf(resources, client);
  const text = options.json ? JSON.stringify(found, null, 2) : await draw(found, formatOf(options));
  if (options.output === undefined) return print(text);
  const { writeFile } = await import('node:fs/promises');
  try {
    await writeFile(options.output, `${text}\n`);
  } catch (error) {
    throw new CommandFailure(`Cannot write "${options.output}": ${(error as Error).message}`);
  }
}

function formatOf({ format, output = '' }: GraphOptions): NonNullable<GraphOptions['format']> {
  if (format) return format;
  if (output.endsWith('.svg')) return 'svg';
  return /\.(?:dot|gv)$/.test(output) ? 'dot' : 'mermaid';
}

async function draw(
  found: import('../workbench/graph/model.ts').RuleGraph,
  format: NonNullable<GraphOptions['format']>,
): Promise<string> {
  switch (format) {
    case 'dot':
      return (await import('../workbench/graph/dot.ts')).dotOf(found);
    case 'svg':
      return (await import('../workbench/graph/svg.ts')).svgOf(found);
    default:
      return (await import('../workbench/graph/mermaid.ts')).mermaidOf(found);
  }
}
