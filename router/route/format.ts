/**
 * Header values as Envoy's format strings: `%REQ(x-user)%`, `%PROTOCOL%`, `%%`. What only a response can tell
 * stays in the value for later. Imports table types.
 */
import type { HeaderOperation } from '../table/decision.ts';
import type { HeaderList } from '../table/request.ts';
import { headerValues } from './header.ts';
import { pseudoHeader, type RequestView } from './request.ts';

/** What a value may refer to. */
export interface FormatContext {
  readonly view: RequestView;
  /** The request's headers as they are when the value is made. */
  readonly headers: HeaderList;
  readonly routeName: string | undefined;
  readonly cluster: string | undefined;
}

/** A header operation whose value is still to be made. */
export interface HeaderTemplate {
  readonly operation: HeaderOperation;
  /** Absent for a value without commands. */
  readonly format?: Format;
}

/** A format string as a function of the request. */
export interface Format {
  (context: FormatContext): string;
  /** The result is a format string itself, for {@link formatLate}. */
  readonly isLate: boolean;
}

/** Parses the values of operations once. */
export function compileTemplates(operations: readonly HeaderOperation[]): HeaderTemplate[] {
  return operations.map((operation) => {
    if (operation.kind === 'remove' || !operation.value.includes('%')) return { operation };
    return { operation, format: compileFormat(operation.value) };
  });
}

/**
 * The operations with their values made. Commands see the headers after the removals, before any is set.
 *
 * Source: Envoy `source/common/router/header_parser.cc` (HeaderParser::evaluateHeaders).
 */
export function evaluate(templates: readonly HeaderTemplate[], context: FormatContext): HeaderOperation[] {
  const removed = new Set(
    templates.flatMap(({ operation }) => (operation.kind === 'remove' ? operation.name : [])),
  );
  const seen = { ...context, headers: context.headers.filter(([name]) => !removed.has(name)) };
  return templates.map(({ operation, format }) => {
    if (!format || operation.kind === 'remove') return operation;
    return { ...operation, value: format(seen), ...(format.isLate && { late: true }) };
  });
}

type Part = string | ((context: FormatContext) => string) | LatePart;

interface LatePart {
  readonly late: string;
}

const COMMAND = /%%|%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%/g;

/**
 * Parses a format string. What is missing gives nothing, so that a header made of it alone is not added.
 *
 * Source: Envoy `source/common/formatter/substitution_formatter.cc`, `source/common/router/header_parser.cc`.
 */
export function compileFormat(value: string): Format {
  const parts: Part[] = [];
  let rest = 0;
  for (const found of value.matchAll(COMMAND)) {
    parts.push(value.slice(rest, found.index));
    rest = found.index + found[0].length;
    parts.push(found[0] === '%%' ? '%' : command(found[0], found[1]!, found[2] ?? '', found[3]));
  }
  parts.push(value.slice(rest));
  const isLate = parts.some((part) => typeof part === 'object');
  const textOf = (part: Exclude<Part, LatePart>, context: FormatContext) =>
    typeof part === 'string' ? part : part(context);
  const format = (context: FormatContext) =>
    parts
      .map((part) => {
        if (typeof part === 'object') return part.late;
        return isLate ? textOf(part, context).replaceAll('%', '%%') : textOf(part, context);
      })
      .join('');
  return Object.assign(format, { isLate });
}

/** What a response tells a format string. */
export interface LateContext {
  readonly status?: number | undefined;
  readonly headers: HeaderList;
}

/** A value that waited for its response. Commands that neither request nor response can answer give nothing. */
export function formatLate(value: string, { status, headers }: LateContext): string {
  return value.replace(COMMAND, (all, name: string | undefined, argument = '', length?: string) => {
    if (all === '%%') return '%';
    if (name === 'RESPONSE_CODE') return status === undefined ? '' : String(status);
    if (name !== 'RESP') return '';
    const [first = '', other = ''] = argument.toLowerCase().split('?');
    const found = headerValues(headers, first)[0] || headerValues(headers, other)[0] || '';
    return length === undefined ? found : found.slice(0, Number(length));
  });
}

function command(raw: string, name: string, argument: string, length: string | undefined): Part {
  switch (name) {
    case 'REQ': {
      const limit = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
      const [first = '', other = ''] = argument.toLowerCase().split('?');
      return (context) => (readHeader(context, first) || readHeader(context, other)).slice(0, limit);
    }
    case 'PROTOCOL':
      return ({ view }) => (view.http2 ? 'HTTP/2' : 'HTTP/1.1');
    case 'ROUTE_NAME':
      return ({ routeName }) => routeName ?? '';
    case 'UPSTREAM_CLUSTER':
      return ({ cluster }) => cluster ?? '';
    case 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT':
    case 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT':
      return ({ view }) => view.sourceAddress ?? '';
    default:
      return { late: raw };
  }
}

function readHeader({ view, headers }: FormatContext, name: string): string {
  return pseudoHeader(view, name) ?? headerValues(headers, name)[0] ?? '';
}
