/** `pointsman explain`: which rule of some files takes a request, and why the others do not. */
import type { Command } from 'commander';
import type { RouteTable } from '../router/index.ts';
import type { Client } from '../workbench/client.ts';
import { type ClientOptions, clientOf } from './client-option.ts';
import { defineCommand, jsonOption, parseLabel, parsePort } from './command.ts';
import { EXIT } from './failure.ts';
import { pathsAndRequest } from './request-words.ts';

interface ExplainOptions extends ClientOptions {
  readonly port?: number;
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
      'pointsman explain rules.yaml --gateway public --port 8080 -- http://shop.example.com/',
      'pointsman explain routes.json -- http://shop/   # of istioctl proxy-config routes POD -o json',
    ],
  )
    .usage("[options] <path...> -- [-X METHOD] [-H 'name: value'] URL")
    .argument(
      '<path...>',
      'files, folders, or - for standard input, or one .json file of istioctl proxy-config routes or an Envoy config dump; after -- the request, as curl takes it',
    )
    .option(
      '--port <port>',
      "service port of the listener, which chooses virtual hosts and meets a rule's port; default the URL's, which is 80 for http and 443 for https unless it says another",
      parsePort,
    )
    .option(
      '--gateway <name>',
      'take the rules bound to this gateway instead of mesh, at a port that its Gateway serves; without the Gateway in PATH one is assumed',
    )
    .option('--namespace <name>', "the client's namespace, for sourceNamespace and short names")
    .option('--labels <k=v>', "the client's labels, for sourceLabels; repeatable", parseLabel)
    .addOption(jsonOption())
    .action(explain);
}

async function explain(words: readonly string[], options: ExplainOptions): Promise<void> {
  const { paths, request } = pathsAndRequest('explain', words, options.port);
  const { createRouter, formatExplanation, readable } = await import('../router/index.ts');
  const terminal = await import('./terminal.ts');
  const { table, assumed } = await tableOf(paths, request.port, options);
  const explanation = createRouter(table).explain(request);
  if (options.json) terminal.printJson(readable(explanation));
  else terminal.print(formatExplanation(explanation, { color: terminal.wantsColor(process.stdout) }));
  if (!options.json && assumed.length > 0)
    terminal.note(`assumed to be there, as rules name them: ${assumed.join(', ')}`);
}

/** The table of the rules, or of what a proxy has, with the hosts that are assumed to be there. */
async function tableOf(
  paths: readonly string[],
  port: number,
  options: ExplainOptions,
): Promise<{ table: RouteTable; assumed: readonly string[] }> {
  const { issueText, note } = await import('./terminal.ts');
  const dump = await readDump(paths, clientOf(options));
  if (dump) {
    for (const each of dump.leftOut) note(`left out: ${each}`);
    if (dump.leftOut.length > 0) process.exitCode = EXIT.findings;
    return { table: dump.table, assumed: [] };
  }
  const { readPaths } = await import('./input.ts');
  const { compile } = await import('../router/index.ts');
  const { assumedServices } = await import('../workbench/assumed-service.ts');
  const { assumedGateway } = await import('./assumed-gateway.ts');
  const { proxyOf } = await import('../workbench/client.ts');
  const { resources, issues } = await readPaths(paths);
  const errors = issues.filter(({ severity }) => severity === 'error');
  for (const issue of errors) note(`${issueText(issue, process.stderr)}\n`);
  if (errors.length > 0) process.exitCode = EXIT.findings;
  const client = clientOf(options) ?? {};
  const gateway = assumedGateway('explain', resources, client, port);
  const services = assumedServices(resources, [port]);
  const { table } = compile([...resources, ...gateway], { services, proxy: proxyOf(client) });
  return {
    table,
    assumed: [
      ...services.map(({ host }) => host),
      ...gateway.map(({ metadata: { namespace, name } }) => `gateway ${namespace}/${name} on port ${port}`),
    ],
  };
}

async function readDump(paths: readonly string[], client?: Client) {
  const [path = '', ...others] = paths;
  if (others.length > 0 || !path.endsWith('.json')) return undefined;
  const { readTexts } = await import('./rule-text.ts');
  const { readDump: read } = await import('./rule-side.ts');
  return read((await readTexts([path])).texts, client);
}
