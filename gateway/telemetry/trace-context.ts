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
  /** Undefined: the decision is left to whoever comes next. */
  readonly isSampled: boolean | undefined;
}

/** How new spans come to be. */
export interface TraceChance {
  /** Hexadecimal digits, not all of them zero. */
  id(digits: 16 | 32): string;
  /** Whether a trace that begins here is sampled. */
  sample(): boolean;
}

/** The gateway's span for a request with these headers. */
export function beginTrace(headers: HeaderList, chance: TraceChance): TraceContext {
  const parent = readW3c(headers) ?? readB3(headers);
  const isDenied = parent === undefined && headerOf(headers, 'b3') === '0';
  return {
    traceId: parent?.traceId ?? chance.id(32),
    spanId: chance.id(16),
    parentSpanId: parent?.spanId,
    isSampled: !isDenied && (parent?.isSampled ?? chance.sample()),
  };
}

/**
 * The headers with the gateway's span in place of the client's: in W3C's form always, in B3's where the client speaks it. The
 * `tracestate` stays, but for a trace that begins here.
 */
export function withTrace(
  headers: HeaderList,
  { traceId, spanId, isSampled, parentSpanId }: TraceContext,
): HeaderList {
  const flag = isSampled ? '1' : '0';
  const told: (readonly [string, string])[] = [];
  let hasB3 = false;
  for (const header of headers) {
    switch (header[0]) {
      case 'traceparent':
      case 'x-b3-parentspanid':
        break;
      case 'tracestate':
        if (parentSpanId !== undefined) told.push(header);
        break;
      case 'b3':
        told.push([
          'b3',
          `${traceId}-${spanId}-${flag}${parentSpanId === undefined ? '' : `-${parentSpanId}`}`,
        ]);
        break;
      case 'x-b3-traceid':
        hasB3 = true;
        break;
      case 'x-b3-spanid':
      case 'x-b3-sampled':
      case 'x-b3-flags':
        break;
      default:
        told.push(header);
    }
  }
  if (hasB3) {
    told.push(['x-b3-traceid', traceId], ['x-b3-spanid', spanId], ['x-b3-sampled', flag]);
    if (parentSpanId !== undefined) told.push(['x-b3-parentspanid', parentSpanId]);
  }
  told.push(['traceparent', `00-${traceId}-${spanId}-0${flag}`]);
  return told;
}

/** A version above 00 may have more to say at its end. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function readW3c(headers: HeaderList): Parent | undefined {
  const found = TRACEPARENT.exec(headerOf(headers, 'traceparent') ?? '');
  if (!found) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = found;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** One header: ids, then perhaps the decision (`d`: debug) and the parent. */
const B3 = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/;

function readB3(headers: HeaderList): Parent | undefined {
  const single = B3.exec(headerOf(headers, 'b3') ?? '');
  if (single) return parentOf(single[1]!, single[2]!, single[3]);
  const traceId = headerOf(headers, 'x-b3-traceid') ?? '';
  const spanId = headerOf(headers, 'x-b3-spanid') ?? '';
  const sampled = headerOf(headers, 'x-b3-flags') === '1' ? 'd' : headerOf(headers, 'x-b3-sampled');
  return B3.test(`${traceId}-${spanId}`) ? parentOf(traceId, spanId, sampled) : undefined;
}

function parentOf(traceId: string, spanId: string, sampled: string | undefined): Parent | undefined {
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  // Ids of 64 bits are those of 128 whose first half is zero.
  const isSampled = sampled === undefined ? undefined : sampled !== '0' && sampled !== 'false';
  return { traceId: traceId.padStart(32, '0'), spanId, isSampled };
}

function headerOf(headers: HeaderList, wanted: string): string | undefined {
  for (const [name, value] of headers) if (name === wanted) return value;
  return undefined;
}
