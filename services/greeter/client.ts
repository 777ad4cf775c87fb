/**
 * The tutorial's client: calls `SayHello` once a second and logs each answer; what the tutorial's `conf/dubbogo.yaml`
 * said are options here. It reaches the greeter in one of two ways: through an address (a gateway, a sidecar or a
 * greeter itself), as a stock Connect program on @connectrpc/connect-node, or without anything in between, when it has
 * rules of its own and routes each call by them.
 *
 * Exit code 0: stopped by SIGINT or SIGTERM, or all of `--count` calls were answered. 1: some of them were not.
 * 2: wrong use.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Interceptor, type Transport } from '@connectrpc/connect';
import { Command, Option } from 'commander';
import { Greeter, UserSchema } from '../../gen/api/greeter_pb.ts';
import {
  collectLabels,
  collectLines,
  parseCount,
  parseDurationMs,
  parseHeaders,
  parseOrExit,
  parsePort,
} from './command-line.ts';
import { log } from './log.ts';
import { formatPrototext } from './prototext.ts';
import { defaultAddress, resolveTarget, type TargetOptions } from './target.ts';
import { createTransport, type HttpVersion, httpVersions, type Protocol, protocols } from './transport.ts';

interface ClientOptions {
  readonly address?: string;
  readonly config: readonly string[];
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: Protocol;
  readonly httpVersion?: HttpVersion;
  readonly name: string;
  readonly header: readonly string[];
  /** Milliseconds from the start of one call to the start of the next. */
  readonly interval: number;
  readonly count?: number;
  readonly timeout: number;
  readonly registryProtocol: TargetOptions['registryProtocol'];
  readonly registryAddress?: string;
  readonly service?: string;
  readonly port: number;
  readonly interface: string;
}

/** Where Istio's own installation puts it. */
const defaultRegistry = 'istiod.istio-system.svc.cluster.local:15010';

const command = new Command('client.ts')
  .description('Call api.Greeter/SayHello again and again and log each answer.')
  .addOption(
    new Option(
      '--address <address>',
      `what to call: HOST:PORT, http://, https:// or tri://HOST:PORT, or with rules xds:///HOST:PORT (default: ${defaultAddress})`,
    ).env('GREETER_ADDRESS'),
  )
  .addOption(
    new Option(
      '--config <path>',
      'rules to route by in this process: a file or folder, watched, xds://HOST:PORT or k8s://; repeatable, in the variable one a line',
    )
      .argParser(collectLines)
      .default([], 'none')
      .env('GREETER_CONFIG'),
  )
  .addOption(
    new Option('--namespace <name>', "the caller's namespace, with rules (default: default)").env(
      'GREETER_NAMESPACE',
    ),
  )
  .addOption(
    new Option(
      '--labels <label>',
      "the caller's labels for sourceLabels, with rules, as K=V[,K=V]; repeatable",
    )
      .argParser(collectLabels)
      .default({}, 'none')
      .env('GREETER_LABELS'),
  )
  .addOption(
    new Option('--protocol <protocol>', 'protocol of the calls; tri is gRPC')
      .choices(protocols)
      .default('grpc')
      .env('GREETER_PROTOCOL'),
  )
  .addOption(
    new Option('--http-version <version>', 'HTTP version; 2, the default, is h2c for http://')
      .choices(httpVersions)
      .env('GREETER_HTTP_VERSION'),
  )
  .addOption(new Option('--name <name>', 'who is greeted').default('laurence').env('GREETER_NAME'))
  .addOption(
    new Option('--header <header>', "request header as 'NAME: VALUE'; repeatable, in the variable one a line")
      .argParser(collectLines)
      .default([], 'none')
      .env('GREETER_HEADER'),
  )
  .addOption(
    new Option('--interval <duration>', 'time between the starts of two calls')
      .argParser(parseDurationMs)
      .default(1000, '1s')
      .env('GREETER_INTERVAL'),
  )
  .addOption(
    new Option('--count <calls>', 'stop after this many calls (default: never)')
      .argParser(parseCount)
      .env('GREETER_COUNT'),
  )
  .addOption(
    new Option('--timeout <duration>', 'deadline of each call; 0: none')
      .argParser(parseDurationMs)
      .default(3000, '3s')
      .env('GREETER_TIMEOUT'),
  )
  .addOption(
    new Option('--registry-protocol <protocol>', 'how --service is found: direct (at --address) or xds')
      .choices(['direct', 'xds'])
      .default('direct')
      .env('GREETER_REGISTRY_PROTOCOL'),
  )
  .addOption(
    new Option(
      '--registry-address <address>',
      `the control plane to ask, for xds (default: what GRPC_XDS_BOOTSTRAP names, else ${defaultRegistry})`,
    ).env('GREETER_REGISTRY_ADDRESS'),
  )
  .addOption(
    new Option('--service <host>', 'host that the rules know the greeter by, sent as the authority').env(
      'GREETER_TARGET_SERVICE',
    ),
  )
  .addOption(
    new Option('--port <port>', 'port of --service')
      .argParser(parsePort)
      .default(20000)
      .env('GREETER_TARGET_PORT'),
  )
  .addOption(
    new Option('--interface <name>', 'full name of the service in the path')
      .default(Greeter.typeName)
      .env('GREETER_INTERFACE'),
  )
  .addHelpText(
    'after',
    `
Examples:
  client.ts --address localhost:8080 --header 'user: admin'
  client.ts --address localhost:20000 --protocol connect --http-version 1.1 --count 5
  client.ts --address localhost:8080 --service dubbo-go-server --interval 100ms
  client.ts --config deploy/istio --config endpoints.yaml --header 'user: admin'
  client.ts --address xds:///dubbo-go-server:20000 --registry-address localhost:15010

Exit code: 0 stopped by a signal, or all of --count calls were answered; 1 some were not; 2 wrong use.`,
  );

parseOrExit(command, process.argv);
await run(command.opts<ClientOptions>());

async function run(options: ClientOptions): Promise<never> {
  const client = createClient(Greeter, await openTransport(options));
  const stop = new AbortController();
  process.on('SIGINT', () => stop.abort());
  process.on('SIGTERM', () => stop.abort());
  // The reader of a pipe has gone: nobody is left to log for.
  process.stdout.on('error', () => process.exit(0));

  let failed = 0;
  let nextMs = performance.now();
  for (let calls = 1; !stop.signal.aborted; calls += 1) {
    try {
      const user = await client.sayHello({ name: options.name }, { signal: stop.signal });
      log('INFO', `call server response = ${formatPrototext(UserSchema, user)}`);
    } catch (error) {
      if (stop.signal.aborted) break;
      failed += 1;
      log('ERROR', `call server error = ${error instanceof Error ? error.message : String(error)}`);
    }
    if (calls === options.count) process.exit(failed === 0 ? 0 : 1);
    // A slow call delays those after it; it does not make them come in a bunch.
    const nowMs = performance.now();
    nextMs = Math.max(nextMs + options.interval, nowMs);
    if (nextMs > nowMs) await sleep(nextMs - nowMs, undefined, { signal: stop.signal }).catch(() => {});
  }
  process.exit(0);
}

/** Resolves with the transport that the options name; exits 2 with the reason when there is none. */
async function openTransport(options: ClientOptions): Promise<Transport> {
  try {
    const { address, service, config, namespace, labels } = options;
    const target = resolveTarget({ ...options, address, service, hasRules: config.length > 0 });
    return await createTransport({
      target,
      protocol: options.protocol,
      httpVersion: options.httpVersion,
      interceptors: [setRequest(options)],
      timeoutMs: options.timeout,
      routing: {
        ...sourcesOf(options, config),
        log,
        ...(namespace !== undefined && { namespace }),
        ...(Object.keys(labels).length > 0 && { labels }),
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    process.exit(2);
  }
}

/** Where the rules come from: what was given, else the control plane; without its address gRPC's bootstrap names it. */
function sourcesOf(
  { registryAddress }: ClientOptions,
  config: readonly string[],
): { readonly config?: readonly string[] } {
  if (config.length > 0) return { config };
  const { GRPC_XDS_BOOTSTRAP, GRPC_XDS_BOOTSTRAP_CONFIG } = process.env;
  if (registryAddress === undefined && (GRPC_XDS_BOOTSTRAP || GRPC_XDS_BOOTSTRAP_CONFIG)) return {};
  return { config: [`xds://${registryAddress ?? defaultRegistry}`] };
}

/** Puts the headers and the interface of the options on each call. */
function setRequest(options: ClientOptions): Interceptor {
  const headers = parseHeaders(options.header);
  return (next) => (request) => {
    for (const [name, value] of headers) request.header.append(name, value);
    const url = request.url.replace(`/${Greeter.typeName}/`, `/${options.interface}/`);
    return next({ ...request, url });
  };
}
