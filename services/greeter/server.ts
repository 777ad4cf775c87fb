/**
 * The stand-alone greeter: `server.ts --version v1 --port 20000`, a stock Connect program on
 * @connectrpc/connect-node as a container would run it. Nothing of Pointsman's own engine is in it.
 *
 * Exit code 0: stopped by SIGTERM or SIGINT after a drain. 1: could not listen, or stopped by a second signal.
 * 2: wrong use.
 */
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Command, Option } from 'commander';
import { createGreeter, type GreeterVersion, greeterVersions } from './app.ts';
import { parseDurationMs, parseOrExit, parsePort } from './command-line.ts';
import { type Listener, listen } from './listener.ts';
import { log } from './log.ts';

interface ServerOptions {
  readonly version: GreeterVersion;
  readonly host?: string;
  readonly port: number;
  readonly drainLimit: number;
}

// The variables end in words that Kubernetes does not use: for a Service named `greeter` it sets GREETER_PORT
// and GREETER_SERVICE_PORT in every pod.
const command = new Command('server.ts')
  .description(
    'Serve one version of api.Greeter, with reflection and health, over Connect, gRPC and gRPC-Web.',
  )
  .addOption(
    new Option('--version <version>', 'which greeter')
      .choices(greeterVersions)
      .default('v1')
      .env('GREETER_VERSION'),
  )
  .addOption(
    new Option('--port <port>', 'port to listen on; 0: any free one')
      .argParser(parsePort)
      .default(20000)
      .env('GREETER_LISTEN_PORT'),
  )
  .addOption(
    new Option('--host <address>', 'address to listen on (default: every interface)').env(
      'GREETER_LISTEN_HOST',
    ),
  )
  .addOption(
    new Option('--drain-limit <duration>', 'how long running calls may take to finish after SIGTERM')
      .argParser(parseDurationMs)
      .default(30_000, '30s')
      .env('GREETER_DRAIN_LIMIT'),
  )
  .addHelpText(
    'after',
    `
Examples:
  server.ts --version v2 --port 20001
  grpcurl -plaintext -d '{"name":"laurence"}' localhost:20001 api.Greeter/SayHello
  curl -H 'content-type: application/json' -d '{"name":"laurence"}' http://localhost:20001/api.Greeter/SayHello`,
  );

parseOrExit(command, process.argv);
await serve(command.opts<ServerOptions>());

async function serve(options: ServerOptions): Promise<void> {
  // A connection handed from one server to another answers a single HTTP/1.1 request on Deno and is then reset,
  // so there each response closes its connection. h2c is not affected.
  const http1KeepAlive = !('Deno' in globalThis);
  const greeter = createGreeter(options.version);
  let listener: Listener;
  try {
    listener = await listen({
      host: options.host,
      port: options.port,
      http1KeepAlive,
      handler: connectNodeAdapter({ routes: greeter.routes }),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'EADDRINUSE'
        ? 'another program has this port; end it, or choose another one with --port (0: any free one)'
        : message;
    log('ERROR', `cannot listen on ${hostPort(options.host ?? '*', options.port)}: ${reason}`);
    process.exit(1);
  }
  const http1 = http1KeepAlive ? 'HTTP/1.1' : 'HTTP/1.1 without keep-alive (Deno)';
  log(
    'INFO',
    `greeter ${options.version} listens on ${hostPort(listener.host, listener.port)}: ${http1} and h2c; Connect, gRPC, gRPC-Web`,
  );

  let draining = false;
  const stop = async (signal: string) => {
    if (draining) {
      log('WARN', `second ${signal}: stopped at once`);
      process.exit(1);
    }
    draining = true;
    log('INFO', `${signal}: no new calls; those running have ${options.drainLimit / 1000} s to finish`);
    greeter.health.shutDown();
    const cutOff = await listener.drain(options.drainLimit);
    if (cutOff > 0) log('WARN', `calls cut off: ${cutOff}`);
    log('INFO', 'stopped');
    process.exit(0);
  };
  // A handler of its own makes the signals work for process 1 of a container too, which has no default action.
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
