/** Access logs in Envoy's format strings or as JSON: a format is compiled once, and makes a line of each request. */
import { type Command, commandNames, commandOf } from './access-command.ts';
import { ISTIO_JSON_FORMAT, ISTIO_TEXT_FORMAT } from './access-log-format.ts';
import type { AccessRecord } from './access-record.ts';

/** A line for a request, its line end included. */
export type AccessLine = (record: AccessRecord) => string;

/**
 * Compiles what a user says: `text` or `json`, which are Istio's own formats; a format string; or an object of format
 * strings, as a value or as JSON, for lines of JSON with these keys. Throws a RangeError that says what is wrong with
 * which command, and what there is in its place.
 *
 * What there is nothing to tell of is `-`, in JSON null; in JSON a value that is one number is a number. Keys are in
 * the order of their letters, as Envoy writes them.
 */
export function compileAccessLog(format: string | Readonly<Record<string, string>>): AccessLine {
  if (typeof format === 'object') return compileJson(format);
  if (format === 'text') return compileText(ISTIO_TEXT_FORMAT);
  if (format === 'json') return compileJson(ISTIO_JSON_FORMAT);
  if (format.trimStart().startsWith('{')) return compileJson(readObject(format));
  if (!format.includes('%'))
    throw new RangeError(
      `Cannot log by "${format}": write text, json, a format string like "%REQ(:METHOD)% %RESPONSE_CODE%", or an object of them as JSON`,
    );
  return compileText(format);
}

function compileText(format: string): AccessLine {
  const parts = parse(format);
  const end = format.endsWith('\n') ? '' : '\n';
  return (record) => {
    let line = '';
    for (const part of parts) line += typeof part === 'string' ? part : (part(record) ?? '-');
    return line + end;
  };
}

function compileJson(format: Readonly<Record<string, string>>): AccessLine {
  const fields = Object.entries(format)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, parse(value)] as const);
  return (record) => {
    const line = fields.map(([key, parts]): [string, string | number | null] => {
      const [first] = parts;
      if (parts.length === 1 && typeof first === 'function') return [key, first(record) ?? null];
      return [key, parts.map((part) => (typeof part === 'string' ? part : (part(record) ?? '-'))).join('')];
    });
    return `${JSON.stringify(Object.fromEntries(line))}\n`;
  };
}

function readObject(text: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RangeError(`Cannot log by an object that is no JSON: ${(error as Error).message}`);
  }
  const other = Object.entries(value as object).find(([, each]) => typeof each !== 'string');
  if (other) throw new RangeError(`Cannot log "${other[0]}": its value has to be a format string`);
  return value as Record<string, string>;
}

/** As Envoy reads them: an argument may hold anything but `)`. */
const COMMAND = /%%|%(?:([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%)?/g;

function parse(format: string): (string | Command)[] {
  const parts: (string | Command)[] = [];
  let text = '';
  let rest = 0;
  for (const found of format.matchAll(COMMAND)) {
    const [all, name, argument, length] = found;
    text += format.slice(rest, found.index);
    rest = found.index + all.length;
    if (all === '%%') {
      text += '%';
      continue;
    }
    if (name === undefined)
      throw new RangeError(
        `Cannot read the access log's format at "${format.slice(found.index, found.index + 20)}": a command is written %NAME% or %NAME(ARGUMENT)%, and a percent sign %%`,
      );
    const command = commandOf(name, argument);
    if (typeof command !== 'function')
      throw new RangeError(
        `Cannot log ${all}: ${command ?? `there is no such command; there are ${commandNames().join(', ')}`}`,
      );
    if (text !== '') parts.push(text);
    text = '';
    parts.push(length === undefined ? command : limited(command, Number(length)));
  }
  text += format.slice(rest);
  if (text !== '') parts.push(text);
  return parts;
}

function limited(command: Command, maxLength: number): Command {
  return (record) => {
    const value = command(record);
    return typeof value === 'string' ? value.slice(0, maxLength) : value;
  };
}
