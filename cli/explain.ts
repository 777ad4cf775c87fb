/** `pointsman explain`: which rule of some files takes a request, and why the others do not. */
import type { Command } from 'commander';
import { parseHeaderLine, toRouteRequest, type WrittenRequest } from '../workbench/written-request.ts';
import { defineCommand, jsonOption, parseLabel, parsePort, repeated } from './command.ts';
import { EXIT, usageFailure } from './failure.ts';

interface ExplainOptions {
  readonly port?: number;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly gateway?: string;
  readonly json?: true;
}

/** Declares the command. */
export function explainCommand(): Command {
  return defineCommand(
    'explain',
    'Tell which rule takes a request, which did not and why, and what happens then.',
    [
      "pointsman explain deploy/istio -- -H 'user: admin' http://dubbo-go-server:20000/api.Greeter/SayHello",
      "pointsman explain rules.yaml -- -X POST 'https://shop.example.com/cart?id=1'",
    ],
  )
    .usage("[options] <path...> -- [-X METHOD] [-H 'name: value'] URL")
    .argument('<path...>', 'files, folders, or - for standard input; after -- the request, as curl takes it')
    .option('--port <port>', "service port of the listener; default the URL's", parsePort)
    .option('--gateway <name>', 'take the rules bound to this gateway instead of mesh')
    .option('--namespace <name>', "the client's namespace, for sourceNamespace and short names")
    .option('--labels <k=v>', "the client's labels, for sourceLabels; repeatable", parseLabel)
    .addOption(jsonOption())
    .action(explain);
}

/** The arguments after `--`. */
function parseRequest(words: readonly string[]): WrittenRequest {
  const request = defineCommand('request', '', [])
    .argument('<url>')
    .option('-X, --request <method>', '', 'GET')
    .option('-H, --header <line>', '', repeated)
    .helpOption(false)
    .exitOverride()
    .parse(words, { from: 'user' });
  const { request: method, header = [] } = request.opts<{ request: string; header?: readonly string[] }>();
  const headers = header.map((line) => {
    const parsed = parseHeaderLine(line);
    // What was given may be a secret, so it is not repeated.
    if (parsed === undefined) throw usageFailure("Cannot read a header: write it like -H 'user: admin'");
    return parsed;
  });
  return { url: request.processedArgs[0], method, headers };
}

async function explain(words: readonly string[], options: ExplainOptions): Promise<void> {
  // Commander hands over what stands before and after `--` in one list.
  const after = process.argv.slice(2);
  const requestWords = after.includes('--') ? after.slice(after.indexOf('--') + 1) : words.slice(-1);
  const paths = words.slice(0, words.length - requestWords.length);
  if (paths.length === 0 || requestWords.length === 0)
    throw usageFailure('Cannot explain without both rules and a URL: write pointsman explain PATH... -- URL');
  const written = parseRequest(requestWords);
  const { readPaths } = await import('./input.ts');
  const { compile, createRouter, formatExplanation } = await import('../router/index.ts');
  const { assumedServices } = await import('../workbench/assumed-service.ts');
  const terminal = await import('./terminal.ts');
  const request = toRouteRequest(written, options.port);
  if (request === undefined)
    throw usageFailure(`Cannot explain "${written.url}": write a URL like http://HOST:PORT/PATH`);
  const { resources, issues } = await readPaths(paths);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of errors) terminal.note(`${terminal.issueText(issue, process.stderr)}\n`);
  if (errors.length > 0) process.exitCode = EXIT.findings;

  const services = assumedServices(resources, [request.port]);
  const { table } = compile(resources, {
    services,
    proxy: {
      ...(options.namespace !== undefined && { namespace: options.namespace }),
      ...(options.labels !== undefined && { labels: options.labels }),
      ...(options.gateway !== undefined && { type: 'router' as const, gateways: [options.gateway] }),
    },
  });
  const explanation = createRouter(table).explain(request);
  if (options.json) terminal.printJson(explanation);
  else terminal.print(formatExplanation(explanation, { color: terminal.wantsColor(process.stdout) }));
  if (!options.json && services.length > 0)
    terminal.note(`services are assumed, as rules name them: ${services.map(({ host }) => host).join(', ')}`);
}
