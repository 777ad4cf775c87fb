/** `pointsman dev`: the gateway with both greeters, or before your own servers, its rules followed as you save. */
import { dirname, join, relative } from 'node:path';
import type { Command } from 'commander';
import {
  addTelemetryOptions,
  adminPortOption,
  defineCommand,
  jsonOption,
  portOption,
  repeated,
} from './command.ts';
import { invocation } from './invocation.ts';
import { parseUpstream, type UpstreamOption, upstreamService } from './listen-option.ts';
import type { RunOptions } from './run.ts';
import { holdYoungGeneration } from './young-generation.ts';

interface DevOptions {
  readonly config?: readonly string[];
  readonly port: number;
  readonly host: string;
  readonly adminPort: number;
  readonly upstream?: readonly UpstreamOption[];
  readonly json?: true;
  readonly accessLog?: string;
  readonly accessLogFile?: string;
  readonly otlp?: string;
  readonly traceSampling?: number;
}

/** The greeter's host and port, as dubbo-go's tutorial has them. */
const HOST = 'dubbo-go-server';
const SERVICE_PORT = 20000;

/** Declares the command. */
export function devCommand(): Command {
  const command = defineCommand(
    'dev',
    'Run the gateway with greeter v1 and v2 behind it, and follow the rule files as you save.',
    [
      'pointsman dev',
      'pointsman dev --config my-rules/ --port 8000',
      'pointsman dev --upstream v1=:3000 --upstream v2=:3001    # the same rules before your own servers',
      'pointsman dev --upstream v1=grpc://:3000                 # which speak gRPC (h2c)',
    ],
  )
    .option(
      '--config <path>',
      'file or folder of rules instead of those in deploy/istio; repeatable',
      repeated,
    )
    .addOption(portOption('--port <port>', 'port to listen on; 0: any free one', 8080, 'POINTSMAN_PORT'))
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(adminPortOption())
    .option(
      '--upstream <version=[host]:port>',
      `a server of your own in place of a greeter: an endpoint of ${HOST} with that version; repeatable`,
      parseUpstream,
    )
    .addOption(jsonOption())
    .action(dev);
  return addTelemetryOptions(command);
}

async function dev(options: DevOptions): Promise<void> {
  const release = holdYoungGeneration();
  const { run, urlOf } = await import('./run.ts');
  release();
  const config = options.config ?? ['destinationrule.yaml', 'virtualservice.yaml'].map(shippedPath);
  await run({
    config,
    ports: [{ port: options.port, servicePort: SERVICE_PORT }],
    host: options.host,
    adminPort: options.adminPort,
    adminHost: '127.0.0.1',
    defaultHost: HOST,
    debugHeaders: true,
    explainNotFound: true,
    ...(options.json && { json: true }),
    ...(options.accessLog !== undefined && { accessLog: options.accessLog }),
    ...(options.accessLogFile !== undefined && { accessLogFile: options.accessLogFile }),
    ...(options.otlp !== undefined && { otlp: options.otlp }),
    ...(options.traceSampling !== undefined && { traceSampling: options.traceSampling }),
    ...(options.upstream === undefined
      ? await greeters()
      : { remoteServices: [upstreamService(HOST, SERVICE_PORT, options.upstream)] }),
    greet: ({ traffic, admin }) =>
      greeting({
        traffic: traffic.map(urlOf),
        admin: urlOf(admin),
        port: traffic[0]?.port ?? options.port,
        config,
        behind: options.upstream?.map(({ version, address, port }) => `${version} at ${address}:${port}`) ?? [
          'greeter v1 and v2 in this process',
        ],
      }),
  });
}

/** A rule file that comes with the program, as seen from the folder it runs in. A compiled program has them beside it. */
function shippedPath(name: string): string {
  const isCompiled = import.meta.dirname.startsWith('/$bunfs');
  const base = isCompiled ? dirname(process.execPath) : join(import.meta.dirname, '..');
  return relative(process.cwd(), join(base, 'deploy/istio', name));
}

/** Both greeters as endpoints in this process, whose health says NOT_SERVING from the begin of a drain. */
async function greeters(): Promise<Required<Pick<RunOptions, 'services' | 'onDrain'>>> {
  const { createGreeter, greeterVersions } = await import('../services/greeter/app.ts');
  const apps = greeterVersions.map(createGreeter);
  return {
    services: apps.map(({ version, routes }) => ({
      host: HOST,
      port: SERVICE_PORT,
      labels: { dubbogoAppVersion: version },
      name: `greeter-${version}`,
      handler: routes,
    })),
    onDrain() {
      for (const { health } of apps) health.shutDown();
    },
  };
}

interface Greeting {
  readonly traffic: readonly string[];
  readonly admin: string;
  readonly port: number;
  readonly config: readonly string[];
  readonly behind: readonly string[];
}

function greeting({ traffic, admin, port, config, behind }: Greeting): string {
  const admins = admin.endsWith(':9901') ? '' : ` --admin ${admin.replace('http://', '')}`;
  return `
  listening   ${traffic.join(', ')}
  console     ${admin}
  watching    ${config.join('\n              ')}
  behind it   ${HOST}:${SERVICE_PORT}: ${behind.join(', ')}

  Try it:
    curl -H 'content-type: application/json' -d '{"name":"laurence"}' http://localhost:${port}/api.Greeter/SayHello
    grpcurl -plaintext -H 'user: admin' -d '{"name":"laurence"}' localhost:${port} api.Greeter/SayHello

  Change the rules: save a file above, or
    ${invocation} apply -f ${shippedPath('scenarios/canary-90-10.yaml')}${admins}
`;
}
