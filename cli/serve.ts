/** `pointsman serve`: the gateway alone, for production. */
import type { Command } from 'commander';
import {
  addTelemetryOptions,
  adminPortOption,
  defineCommand,
  jsonOption,
  parseLabel,
  repeated,
} from './command.ts';
import { usageFailure } from './failure.ts';
import { type PortMapping, parsePortMapping } from './listen-option.ts';
import type { RunOptions } from './run.ts';
import { holdYoungGeneration } from './young-generation.ts';

/** What {@link RunOptions} says, as the command line gives it: rules are asked for, a port is not. */
interface ServeOptions
  extends Omit<
    RunOptions,
    'config' | 'ports' | 'services' | 'remoteServices' | 'greet' | 'onDrain' | 'ruleless'
  > {
  readonly config?: readonly string[];
  readonly port?: readonly PortMapping[];
  readonly waitForRules?: boolean;
}

/** Declares the command. */
export function serveCommand(): Command {
  const command = defineCommand(
    'serve',
    'Run the gateway: route requests by the rules, and follow the rules as they change.',
    [
      'pointsman serve --config rules/',
      'pointsman serve --config se.yaml --config vs.yaml --port 8080=20000 --admin-port 0',
      'pointsman serve --config rules/ --access-log json --access-log-file requests.log',
      'pointsman serve --config xds://istiod.istio-system:15010 --namespace shop',
      'POINTSMAN_ADMIN_TOKEN=... pointsman serve --config /etc/pointsman --admin-host 0.0.0.0',
    ],
  )
    .option(
      '--config <source>',
      'existing file or folder of rules, watched; k8s://, the rules and services of a cluster; repeatable; or xds://HOST:PORT, the control plane of a mesh',
      repeated,
    )
    .option(
      '--wait-for-rules',
      'start also where files hold no rule yet, and be ready once they do (default: an error)',
    )
    .option(
      '--kubeconfig <path>',
      "how k8s:// reaches the cluster (default: KUBECONFIG, a pod's own access, ~/.kube/config)",
    )
    .option(
      '--certificates <where>',
      'by what the gateway is known in its mesh: folder with cert-chain.pem, key.pem and root-cert.pem; or xds://HOST:PORT?ca=FILE&token=FILE (default: that of --config xds:// with a token)',
    )
    .option('--status', 'tell resources of k8s:// that are refused so, by a condition in their status')
    .option(
      '--port <port[=service]>',
      'port to listen on, and the service port it stands for (default: the only HTTP port of the default host, else the same); repeatable (default: 8080)',
      parsePortMapping,
    )
    .option('--host <address>', 'address to listen on', '0.0.0.0')
    .addOption(adminPortOption())
    .option(
      '--admin-host <address>',
      'address of the admin port; off loopback, changes want the token in POINTSMAN_ADMIN_TOKEN',
      '127.0.0.1',
    )
    .option('--default-host <name>', "route requests for the gateway's own address as if sent to this host")
    .option('--gateway <name>', 'take the rules bound to this gateway instead of mesh')
    .option('--namespace <name>', 'who the client is: its namespace, for sourceNamespace and short names')
    .option('--labels <k=v>', 'who the client is: its labels, for sourceLabels; repeatable', parseLabel)
    .option(
      '--debug-headers',
      'add x-pointsman-route to responses: the rule and subset that took the request',
    )
    .addOption(jsonOption())
    .action(serve);
  return addTelemetryOptions(command);
}

async function serve({ waitForRules, ...options }: ServeOptions): Promise<void> {
  if (options.config === undefined)
    throw usageFailure(
      'Cannot serve without rules: give --config with a file or folder, for example --config rules/',
    );
  const release = holdYoungGeneration();
  const { run } = await import('./run.ts');
  release();
  await run({
    ...options,
    config: options.config,
    ports: options.port ?? [{ port: 8080 }],
    ruleless: waitForRules ? 'waits' : 'ends',
  });
}
