/** `pointsman compile`: rules as a table for an edge bundle, so that no YAML reader, schema or compiler ships with it. */
import { writeFile } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import type { Command } from 'commander';
import { makeFolder } from '../config/folder.ts';
import { defineCommand, jsonOption, parseLabel, parsePort } from './command.ts';
import { CommandFailure, EXIT, usageFailure } from './failure.ts';

interface CompileOptions {
  readonly out: string;
  readonly port?: readonly number[];
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly gateway?: string;
  readonly json?: true;
}

/** Declares the command. */
export function compileCommand(): Command {
  return defineCommand('compile', 'Write rules as a precompiled table, for an edge bundle.', [
    'pointsman compile deploy/istio --port 20000 -o dist/rules.js',
    'pointsman compile rules/ -o rules.json',
  ])
    .argument('<path...>', 'files, folders, or - for standard input')
    .requiredOption('-o, --out <file>', 'where the table goes: an ES module (.js, .mjs, .ts) or .json')
    .option(
      '--port <port>',
      'service port of hosts for which no rule says one; repeatable (default: 80)',
      (text, before?: readonly number[]) => [...(before ?? []), parsePort(text)],
    )
    .option('--gateway <name>', 'take the rules bound to this gateway instead of mesh')
    .option('--namespace <name>', "the client's namespace, for sourceNamespace and short names")
    .option('--labels <k=v>', "the client's labels, for sourceLabels; repeatable", parseLabel)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
In the bundle:
  import { createGateway } from 'pointsman/edge';
  import table from './rules.js';
  export default createGateway({ table, services, defaultHost });

Services in the bundle are endpoints of the rules' hosts by host, port and labels. Exit code 1: a rule is refused,
and nothing is written.`,
    )
    .action(compileRules);
}

async function compileRules(paths: readonly string[], options: CompileOptions): Promise<void> {
  const write = WRITERS[extname(options.out)];
  if (write === undefined)
    throw usageFailure(
      `Cannot write "${options.out}": want a name that ends in ${Object.keys(WRITERS).join(', ')}`,
    );
  const { readPaths } = await import('./input.ts');
  const { compile } = await import('../router/index.ts');
  const { assumedServices } = await import('../workbench/assumed-service.ts');
  const terminal = await import('./terminal.ts');
  const { resources, issues } = await readPaths(paths);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of errors) terminal.note(`${terminal.issueText(issue, process.stderr)}\n`);
  if (errors.length > 0)
    throw new CommandFailure(
      `Cannot compile: ${errors.length} errors, and nothing is written`,
      EXIT.findings,
    );

  // Their endpoints are what the bundle registers.
  const services = assumedServices(resources, options.port ?? [80]).map((each) => ({
    ...each,
    endpoints: [],
  }));
  const compiled = compile(resources, {
    services,
    proxy: {
      ...(options.namespace !== undefined && { namespace: options.namespace }),
      ...(options.labels !== undefined && { labels: options.labels }),
      ...(options.gateway !== undefined && { type: 'router' as const, gateways: [options.gateway] }),
    },
  });
  for (const issue of compiled.issues) terminal.note(`${terminal.issueText(issue, process.stderr)}\n`);
  const text = write(JSON.stringify(compiled.table));
  try {
    makeFolder(dirname(options.out));
    await writeFile(options.out, text);
  } catch (error) {
    throw new CommandFailure(`Cannot write "${options.out}": ${(error as Error).message}`);
  }
  const bytes = Buffer.byteLength(text);
  const hosts = services.map(({ host, ports }) => `${host}:${ports.map(({ number }) => number).join(',')}`);
  if (options.json) terminal.printJson({ out: options.out, bytes, resources: resources.length, hosts });
  else
    terminal.print(
      `${options.out}: ${resources.length} resources, ${bytes} bytes${hosts.length > 0 ? `, for ${hosts.join(' ')}` : ''}`,
    );
}

const JAVASCRIPT = (json: string) => `// Made by pointsman compile.\nexport default ${json};\n`;

/** By the ending of the file. */
const WRITERS: Readonly<Record<string, (json: string) => string>> = {
  '.json': (json) => `${json}\n`,
  '.js': JAVASCRIPT,
  '.mjs': JAVASCRIPT,
  '.ts': (json) =>
    `// Made by pointsman compile.\nimport type { RouteTable } from 'pointsman/router';\nexport default ${json} as RouteTable;\n`,
};
