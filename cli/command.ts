/** What all commands have in common: how they are declared, and how their options are read. */
import { Command, InvalidArgumentError, Option } from 'commander';

/** A command with its examples below the options in `--help`. */
export function defineCommand(name: string, description: string, examples: readonly string[]): Command {
  const command = new Command(name)
    .description(description)
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}`);
  examplesByCommand.set(command, examples);
  return command;
}

const examplesByCommand = new WeakMap<Command, readonly string[]>();

/** The examples of a command's help, each a line for a shell. */
export function examplesOf(command: Command): readonly string[] {
  return examplesByCommand.get(command) ?? [];
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON for machines');
}

/** `--admin`, and the token's variable. */
export function adminOption(): Option {
  return new Option('--admin <host:port>', "the gateway's admin port")
    .default('localhost:9901')
    .env('POINTSMAN_ADMIN');
}

/** An option that is a port, and the variable that says it too. */
export function portOption(flags: string, description: string, byDefault: number, variable: string): Option {
  return new Option(flags, description).argParser(parsePort).default(byDefault).env(variable);
}

/** `--admin-port`. */
export function adminPortOption(): Option {
  const description = 'port of the admin endpoints; 0: any free one';
  return portOption('--admin-port <port>', description, 9901, 'POINTSMAN_ADMIN_PORT');
}

/** Adds each use of a repeatable option to a list. */
export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** A port number; 0 is any free one. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}

/** Adds `KEY=VALUE` to the labels given before. */
export function parseLabel(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const labels: Record<string, string> = Object.assign(Object.create(null), before);
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('Write labels like app=web, several with commas between.');
    labels[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return labels;
}

/** What to tell of requests, for a command that carries traffic. */
export function addTelemetryOptions(command: Command): Command {
  return command
    .option(
      '--access-log <format>',
      "log every request: text or json (Istio's own formats), or one of Envoy's format strings",
    )
    .option('--access-log-file <path>', 'where to log requests, instead of standard output')
    .option(
      '--otlp <url>',
      'send traces to this OpenTelemetry collector, http://localhost:4318 (default: OTEL_EXPORTER_OTLP_ENDPOINT, else nowhere)',
    )
    .option(
      '--trace-sampling <percent>',
      'how many of the traces that begin here are sampled (default: 1)',
      parsePercent,
    );
}

/** A number from 0 to 100. */
export function parsePercent(text: string): number {
  const percent = Number(text);
  if (!/^[\d.]+$/.test(text) || !(percent <= 100))
    throw new InvalidArgumentError('A percentage is a number from 0 to 100.');
  return percent;
}
