/**
 * Header values as Envoy's format strings: `%REQ(x-user)%`, `%PROTOCOL%`, `%%`. What only a response can tell
 * stays in the value for later. Imports table types.
 */

import type { Fault, HeaderOperation, ResponseFlag } from '../table/decision.ts';
import { FORMAT_COMMAND } from '../table/format-command.ts';
import type { HeaderList } from '../table/request.ts';
import { clientAddress } from './address.ts';
import { headerValues } from './header.ts';
import { parseQuery, pathOf } from './path.ts';
import { pseudoHeader, type RequestView } from './request.ts';

/** What a value may refer to. */
export interface FormatContext {
  readonly view: RequestView;
  /** The request's headers as they are when the value is made. */
  readonly headers: HeaderList;
  /** What was taken away from them. */
  readonly removed?: ReadonlySet<string>;
  readonly routeName: string | undefined;
  readonly cluster: string | undefined;
  /** The path that a rewrite took the place of; absent where there was none. */
  readonly originalPath?: string;
  /** The value goes into the response, and may wait for it. */
  readonly isResponse: boolean;
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
 * The operations with their values made. Commands see the headers after the removals, before any is set; those of
 * a response's values see the whole request.
 *
 * Source: Envoy `source/common/router/header_parser.cc` (HeaderParser::evaluateHeaders).
 */
export function evaluate(templates: readonly HeaderTemplate[], context: FormatContext): HeaderOperation[] {
  const seen = context.isResponse ? context : withoutRemoved(templates, context);
  return templates.map(({ operation, format }) => {
    if (!format || operation.kind === 'remove') return operation;
    const value = format(seen);
    if (!format.isLate) return { ...operation, value };
    return seen.isResponse
      ? { ...operation, value, late: true }
      : { ...operation, value: formatEarly(value) };
  });
}

function withoutRemoved(templates: readonly HeaderTemplate[], context: FormatContext): FormatContext {
  const removed = new Set(
    templates.flatMap(({ operation }) => (operation.kind === 'remove' ? operation.name : [])),
  );
  return { ...context, headers: context.headers.filter(([name]) => !removed.has(name)), removed };
}

type Part = string | ((context: FormatContext) => string) | LatePart;

interface LatePart {
  readonly late: string;
}

/**
 * Parses a format string. What is missing gives nothing, so that a header made of it alone is not added.
 *
 * Source: Envoy `source/common/formatter/substitution_formatter.cc`, `source/common/router/header_parser.cc`.
 */
export function compileFormat(value: string): Format {
  const parts: Part[] = [];
  let rest = 0;
  for (const found of value.matchAll(FORMAT_COMMAND)) {
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
export interface ResponseOutcome {
  readonly status: number;
  /** No upstream gave the response: its status is not known yet when values are made. */
  readonly isLocal?: true;
  readonly flag?: ResponseFlag;
  /** All flags, in the order in which they were raised, of who carries the request: `DI,URX,UF`. */
  readonly raised?: string | undefined;
  /** What was injected, which has flags of its own. */
  readonly fault?: Fault | undefined;
  /** Envoy's word for where the response comes from: `via_upstream`. */
  readonly details?: string;
  /** `10.0.0.1:8080`; empty for none. */
  readonly upstreamHost?: string;
  /** Tries made upstream. Default 0. */
  readonly attempts?: number;
}

/** A value that waited for its response, whose headers are given. Commands that it cannot answer give nothing. */
export function formatLate(value: string, outcome: ResponseOutcome, headers: HeaderList): string {
  return fillIn(value, (name, argument) => {
    if (name === 'RESP') {
      const read = (header = '') =>
        header === ':status' ? String(outcome.status) : headerValues(headers, header)[0];
      const [first, other] = argument.toLowerCase().split('?');
      return read(first) || read(other) || '';
    }
    return outcomeValue(name, outcome);
  });
}

function outcomeValue(
  name: string,
  { status, isLocal, flag, raised, fault, details, upstreamHost = '', attempts = 0 }: ResponseOutcome,
): string {
  switch (name) {
    case 'RESPONSE_CODE':
      return isLocal ? '0' : String(status);
    case 'RESPONSE_CODE_DETAILS':
      return details ?? '';
    case 'RESPONSE_FLAGS':
      return raised ?? formatFlags(flag, fault);
    case 'UPSTREAM_HOST':
    case 'UPSTREAM_REMOTE_ADDRESS':
      return upstreamHost;
    case 'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT':
      return upstreamHost.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    case 'UPSTREAM_REMOTE_PORT':
      return /:(\d+)$/.exec(upstreamHost)?.[1] ?? '';
    case 'UPSTREAM_DETECTED_CLOSE_TYPE':
      return upstreamHost === '' ? '' : 'Normal';
    case 'UPSTREAM_REQUEST_ATTEMPT_COUNT':
      return String(attempts);
    case 'ACCESS_LOG_TYPE':
      return 'NotSet';
    case 'DOWNSTREAM_DETECTED_CLOSE_TYPE':
      return 'Normal';
    default:
      return NOT_SENT_YET.has(name) ? '0' : '';
  }
}

/** Counts of what goes out after headers are made. Source: Envoy 1.40, asked. */
const NOT_SENT_YET: ReadonlySet<string> = new Set([
  'BYTES_RETRANSMITTED',
  'BYTES_SENT',
  'DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT',
  'DOWNSTREAM_HEADER_BYTES_SENT',
  'DOWNSTREAM_WIRE_BYTES_SENT',
  'PACKETS_RETRANSMITTED',
  'RESPONSE_TRAILERS_BYTES',
]);

/** Counts and numbers of what comes after a request's headers. Source: Envoy 1.40, asked. */
const NOT_THERE_YET: ReadonlySet<string> = new Set([
  'BYTES_RECEIVED',
  'RESPONSE_HEADERS_BYTES',
  'UPSTREAM_CONNECTION_ID',
  'UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED',
  'UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT',
  'UPSTREAM_HEADER_BYTES_RECEIVED',
  'UPSTREAM_HEADER_BYTES_SENT',
  'UPSTREAM_WIRE_BYTES_RECEIVED',
  'UPSTREAM_WIRE_BYTES_SENT',
]);

/**
 * As `%RESPONSE_FLAGS%` has them: `DI,FI`, or `-`.
 *
 * Source: Envoy `source/common/stream_info/utility.cc` (ResponseFlagUtils::toShortString).
 */
function formatFlags(flag: ResponseFlag | undefined, fault: Fault | undefined): string {
  return [fault?.delayMs ? 'DI' : [], fault?.abort ? 'FI' : [], flag ?? []].flat().join() || '-';
}

/** A request's value: nothing of the response is known. */
function formatEarly(value: string): string {
  return fillIn(value, (name) => {
    if (NOT_THERE_YET.has(name)) return '0';
    return name === 'RESP' ? '' : outcomeValue(name, BEFORE_RESPONSE);
  });
}

const BEFORE_RESPONSE: ResponseOutcome = { status: 0, isLocal: true, attempts: 1 };

function fillIn(value: string, fill: (name: string, argument: string) => string): string {
  return value.replace(FORMAT_COMMAND, (all, name: string | undefined, argument = '', length?: string) => {
    if (all === '%%') return '%';
    const found = fill(name ?? '', argument);
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
      // Istio ends the name by which a cluster is observed with a semicolon.
      return ({ cluster = '' }) => (cluster.startsWith('outbound|') ? `${cluster};` : cluster);
    case 'UPSTREAM_CLUSTER_RAW':
      return ({ cluster }) => cluster ?? '';
    case 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT':
      return ({ view }) =>
        (view.isEdge ? undefined : clientAddress(view.headers)) ?? view.sourceAddress ?? '';
    case 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT':
      return ({ view }) => view.sourceAddress ?? '';
    case 'QUERY_PARAM':
      return (context) => new Map(parseQuery(originalOf(context)).reverse()).get(argument) ?? '';
    case 'QUERY_PARAMS':
      return (context) => originalOf(context).slice(pathOf(originalOf(context)).length + 1);
    case 'PATH':
      return (context) => {
        const path = argument.endsWith(':PATH') ? context.view.path : originalOf(context);
        return argument.startsWith('NQ') ? pathOf(path) : path;
      };
    default:
      return { late: raw };
  }
}

const originalOf = ({ view, originalPath }: FormatContext): string => originalPath ?? view.path;

function readHeader({ view, headers, removed }: FormatContext, name: string): string {
  const [value] = headerValues(headers, name);
  // The rule's own changes may have taken an id away.
  const isGone = removed?.has(name) || name === 'x-request-id';
  return value ?? (isGone ? '' : (pseudoHeader(view, name) ?? ''));
}
