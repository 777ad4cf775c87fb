/**
 * How the greeter's programs read options: value parsers for commander, each of which refuses with what is
 * wrong and what would do, and exit code 2 for wrong use. Imports commander.
 */
import { type Command, CommanderError, InvalidArgumentError } from 'commander';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The longest delay that a timer can take: 24.8 days. */
const maxDelayMs = 2 ** 31 - 1;

/** Returns the milliseconds of a Go-style duration such as `1s`, `500ms`, `1m30s`, `1.5s` or `0`. */
export function parseDurationMs(text: string): number {
  const valid = /^(?:(?:\d+(?:\.\d+)?(?:ms|s|m|h))+|0)$/.test(text);
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * unitsMs[unit!]!;
  }
  if (!valid || totalMs > maxDelayMs) {
    throw new InvalidArgumentError('Want a duration of at most 24 days, for example 500ms, 1s or 1m30s.');
  }
  return totalMs;
}

/** Returns a port number; 0 is allowed and means any free port. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError('Want a port number from 0 to 65535.');
  }
  return port;
}

/** Returns a whole number of at least 1. */
export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError('Want a whole number of at least 1.');
  }
  return count;
}

/**
 * Returns the lines given so far and those of `text`: an option that is repeated on the command line has one
 * line a value in the environment.
 */
export function collectLines(text: string, given: readonly string[]): readonly string[] {
  return [...given, ...text.split(/\r?\n/).filter((line) => line.trim() !== '')];
}

/** Returns the labels given so far and those of `text`, as `K=V` or `K=V,K=V`. */
export function collectLabels(
  text: string,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const labels = text.split(',').map((pair) => {
    const [, name, value] = /^([^=\s]+)=(\S*)$/.exec(pair.trim()) ?? [];
    if (name === undefined || value === undefined)
      throw new InvalidArgumentError('Want K=V or K=V,K=V, for example app=shop.');
    return [name, value] as const;
  });
  return { ...given, ...Object.fromEntries(labels) };
}

/**
 * Returns the request headers that `--header` gave as `NAME: VALUE`. Throws a TypeError that does not repeat the
 * text, which may hold a secret; that is why this is no parser of commander's, whose messages do.
 */
export function parseHeaders(lines: readonly string[]): readonly (readonly [string, string])[] {
  return lines.map((line) => {
    const [, name = '', value = ''] = /^([^:]+):(.*)$/.exec(line) ?? [];
    const header = [name.trim(), value.trim()] as [string, string];
    try {
      new Headers([header]);
    } catch {
      throw new TypeError("Cannot send a --header: want 'NAME: VALUE', for example 'user: admin'");
    }
    return header;
  });
}

/** Parses the program's arguments; exits 0 after `--help` and 2 on wrong use, whose message goes to standard error. */
export function parseOrExit(command: Command, argv: readonly string[]): void {
  command.showHelpAfterError(`('${command.name()} --help' lists the options)`).exitOverride();
  try {
    command.parse(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exit(error.exitCode === 0 ? 0 : 2);
  }
}
