/**
 * The context of traces as it travels in headers: W3C's `traceparent`, and B3 in one header or several. Pure.
 *
 * Source: W3C Trace Context; https://github.com/openzipkin/b3-propagation.
 */
import type { HeaderList } from '../../router/table/request.ts';

/** A span of the gateway's own, and what it is the child of. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits, of the gateway's span. */
  readonly spanId: string;
  /** Of the client's span; undefined: the trace begins here. */
  readonly parentSpanId: string | undefined;
  /** The span is exported, and those that follow are asked to be. */
  readonly isSampled: boolean;
}

/** A client's span. */
interface Parent {
  readonly traceId: string;
  readonly spanId: string;
}

/** How new spans come to be. */
export interface TraceChance {
  /** Hexadecimal digits, not all of them zero. */
  id(digits: 16 | 32): string;
  /** Whether a trace that begins here is sampled. */
  sample(): boolean;
}

/** A request's headers and what of a trace is in them. */
export interface TracedHeaders {
  readonly headers: HeaderList;
  readonly context: TraceContext;
}

/**
 * The gateway's span for a request with these headers, and the headers with it in place of the client's: in W3C's form
 * always, in B3's where the client speaks it. The `tracestate` stays, but for a trace that begins here.
 */
export function beginTrace(headers: HeaderList, chance: TraceChance): TracedHeaders {
  const found = readHeaders(headers);
  const w3c = parseW3c(found?.traceparent);
  const b3 = found && parseB3(found);
  const parent = w3c ?? b3?.parent;
  const context = {
    traceId: parent?.traceId ?? chance.id(32),
    spanId: chance.id(16),
    parentSpanId: parent?.spanId,
    isSampled: w3c?.isSampled ?? (b3?.decision === undefined ? chance.sample() : b3.decision !== '0'),
  };
  return {
    headers: found ? replaced(headers, found, context, b3?.decision === 'd') : [...headers, w3cOf(context)],
    context,
  };
}

/** Headers of traces, as they came. */
interface Found {
  traceparent: string | undefined;
  b3: string | undefined;
  b3TraceId: string | undefined;
  b3SpanId: string | undefined;
  b3Sampled: string | undefined;
  b3Flags: string | undefined;
}

/** Undefined where the request has none, as most have. */
function readHeaders(headers: HeaderList): Found | undefined {
  let found: Found | undefined;
  for (let index = 0; index < headers.length; index++) {
    const [name, value] = headers[index]!;
    // Lengths tell most names apart before any letter is compared.
    if (!LENGTHS.has(name.length)) continue;
    const field = FIELDS.get(name);
    if (field === undefined) continue;
    found ??= {
      traceparent: undefined,
      b3: undefined,
      b3TraceId: undefined,
      b3SpanId: undefined,
      b3Sampled: undefined,
      b3Flags: undefined,
    };
    if (field !== '') found[field] ??= value;
  }
  return found;
}

/** Those whose value does not matter have no field. */
const FIELDS: ReadonlyMap<string, keyof Found | ''> = new Map([
  ['traceparent', 'traceparent'],
  ['tracestate', ''],
  ['b3', 'b3'],
  ['x-b3-traceid', 'b3TraceId'],
  ['x-b3-spanid', 'b3SpanId'],
  ['x-b3-parentspanid', ''],
  ['x-b3-sampled', 'b3Sampled'],
  ['x-b3-flags', 'b3Flags'],
]);
const LENGTHS: ReadonlySet<number> = new Set([...FIELDS.keys()].map(({ length }) => length));

function replaced(
  headers: HeaderList,
  found: Found,
  context: TraceContext,
  isDebugAsked: boolean,
): HeaderList {
  const { traceId, spanId, isSampled, parentSpanId } = context;
  const isDebug = isSampled && isDebugAsked;
  const flag = isSampled ? '1' : '0';
  const told: (readonly [string, string])[] = headers.filter(
    ([name]) => !FIELDS.has(name) || (name === 'tracestate' && parentSpanId !== undefined),
  );
  if (found.b3 !== undefined)
    told.push([
      'b3',
      `${traceId}-${spanId}-${isDebug ? 'd' : flag}${parentSpanId === undefined ? '' : `-${parentSpanId}`}`,
    ]);
  if ((found.b3TraceId ?? found.b3Sampled ?? found.b3Flags) !== undefined) {
    told.push(['x-b3-traceid', traceId], ['x-b3-spanid', spanId]);
    told.push(isDebug ? ['x-b3-flags', '1'] : ['x-b3-sampled', flag]);
    if (parentSpanId !== undefined) told.push(['x-b3-parentspanid', parentSpanId]);
  }
  told.push(w3cOf(context));
  return told;
}

function w3cOf({ traceId, spanId, isSampled }: TraceContext): readonly [string, string] {
  return ['traceparent', `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`];
}

/** A version above 00 may have more to say at its end. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function parseW3c(traceparent: string | undefined): (Parent & { readonly isSampled: boolean }) | undefined {
  const parts = traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent);
  if (!parts) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = parts;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Denied, accepted, accepted for debugging; undefined: left to whoever comes next. */
type B3Decision = '0' | '1' | 'd' | undefined;

/** One header: ids, then perhaps the decision and the parent; or the decision alone. */
const B3 = /^(?:([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?|([01d]))$/;

const DECISIONS: Readonly<Record<string, B3Decision>> = { 0: '0', false: '0', 1: '1', true: '1' };

/** In several headers, too, a decision may come without ids. */
function parseB3({ b3, b3TraceId, b3SpanId, b3Sampled = '', b3Flags }: Found): {
  readonly parent: Parent | undefined;
  readonly decision: B3Decision;
} {
  const single = b3 === undefined ? null : B3.exec(b3);
  if (single)
    return {
      parent: single[4] ? undefined : parentOf(single[1]!, single[2]!),
      decision: (single[3] ?? single[4]) as B3Decision,
    };
  const [, traceId, spanId] = B3.exec(`${b3TraceId}-${b3SpanId}`) ?? [];
  return {
    parent: traceId === undefined || spanId === undefined ? undefined : parentOf(traceId, spanId),
    decision: b3Flags === '1' ? 'd' : DECISIONS[b3Sampled],
  };
}

function parentOf(traceId: string, spanId: string): Parent | undefined {
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  // Ids of 64 bits are those of 128 whose first half is zero.
  return { traceId: traceId.padStart(32, '0'), spanId };
}
