/** Lists of headers: reading, joining and changing them as Envoy does. Imports table types. */
import type { HeaderList } from '../table/request.ts';
import { isReferer } from './referer.ts';

/**
 * Headers that Envoy holds once: repeats are joined by a comma as they arrive, and adding to one appends to it.
 *
 * Source: Envoy `envoy/http/header_map.h` (INLINE_REQ_HEADERS and the inline headers registered by extensions).
 */
const SINGLE_REQUEST_HEADERS =
  /^(?:accept(?:-encoding)?|access-control-request-(?:headers|method|private-network)|authorization|cache-control|cdn-loop|content-(?:encoding|type)|expect|grpc-(?:accept-encoding|timeout)|if-(?:match|modified-since|none-match|range|unmodified-since)|origin|pragma|proxy-status|referer|user-agent|via|x-client-trace-id|x-envoy-(?:attempt-count|decorator-operation|downstream-service-(?:cluster|node)|external-address|is-timeout-retry|original-(?:host|path))|x-forwarded-(?:for|host|port|proto)|x-request-id)$/;

/** True for a request header that rules never see twice: repeats are joined, or it is not there. */
export function isSingleHeader(name: string): boolean {
  return SINGLE_REQUEST_HEADERS.test(name);
}

/** The same of responses. Source: Envoy `envoy/http/header_map.h` (INLINE_RESP_HEADERS). */
const SINGLE_RESPONSE_HEADERS =
  /^(?:access-control-(?:allow-(?:credentials|headers|methods|origin|private-network)|expose-headers|max-age)|age|cache-control|content-(?:encoding|type)|date|etag|expires|grpc-(?:message|status)|last-modified|location|proxy-status|server|vary|via|x-envoy-(?:attempt-count|decorator-operation|degraded|immediate-health-check-fail|ratelimited|upstream-canary)|x-request-id)$/;

/**
 * The request's headers as Envoy's rules and upstreams see them: repeats of single headers joined by a comma,
 * empty ones dropped, crumbs of an HTTP/2 cookie by `; `. Returns the list itself where nothing repeats.
 */
export function joinRepeats(headers: HeaderList, http2: boolean): HeaderList {
  return withoutUnknown(joined(headers, SINGLE_REQUEST_HEADERS, http2), http2);
}

/** The same of an upstream's response. */
export function joinResponseRepeats(headers: HeaderList): HeaderList {
  return joined(headers, SINGLE_RESPONSE_HEADERS, false);
}

function joined(headers: HeaderList, single: RegExp, http2: boolean): HeaderList {
  if (!hasRepeats(headers)) return headers;
  const out: [string, string][] = [];
  const at = new Map<string, number>();
  for (const [name, value] of headers) {
    const crumb = http2 && name === 'cookie';
    const index = crumb || single.test(name) ? at.get(name) : undefined;
    if (index === undefined) {
      at.set(name, out.length);
      out.push([name, value]);
      continue;
    }
    const first = out[index]!;
    if (first[1] === '') first[1] = value;
    else if (crumb) first[1] += `; ${value}`;
    else if (value !== '') first[1] += `,${value}`;
  }
  return out;
}

/** Without a referer that is no URL, and without a cookie of no crumbs, which HTTP/2's codec does not know. */
function withoutUnknown(headers: HeaderList, http2: boolean): HeaderList {
  const known = headers.filter((header) => !isUnknown(header, http2));
  return known.length < headers.length ? known : headers;
}

/** A referer that is no URL, or an HTTP/2 cookie of no crumbs. */
export function isUnknown([name, value]: readonly [string, string], http2: boolean): boolean {
  return name === 'referer' ? !isReferer(value) : http2 && value === '' && name === 'cookie';
}

/** So many names are compared with each other where their first look is alike; more go into a set. */
const FEW_HEADERS = 32;

function hasRepeats(headers: HeaderList): boolean {
  const count = headers.length;
  if (count > FEW_HEADERS) return new Set(headers.map(([name]) => name)).size !== count;
  let looks = 0;
  for (let index = 0; index < count; index++) {
    const look = lookOf(headers[index]![0]);
    if (looks & look) {
      const [name] = headers[index]!;
      for (let before = 0; before < index; before++) if (headers[before]![0] === name) return true;
    }
    looks |= look;
  }
  return false;
}

/** A bit for each length and first letter: names that share none with those before need no comparison. */
export function lookOf(name: string): number {
  return 1 << ((name.length + 7 * name.charCodeAt(0)) & 31);
}

/** The first value of a header, or undefined. */
export function firstHeader(headers: HeaderList, name: string): string | undefined {
  for (const header of headers) if (header[0] === name) return header[1];
  return undefined;
}

/** Every value of a header, in order. */
export function headerValues(headers: HeaderList, name: string): string[] {
  const values: string[] = [];
  for (const header of headers) if (header[0] === name) values.push(header[1]);
  return values;
}

/** The header with this one value, in place of the first it had, else at the end. */
export function setHeader(headers: HeaderList, name: string, value: string): (readonly [string, string])[] {
  const at = headers.findIndex((header) => header[0] === name);
  if (at === -1) return [...headers, [name, value]];
  return headers.flatMap((header, index) => {
    if (index === at) return [[name, value] as const];
    return header[0] === name ? [] : [header];
  });
}

/** The header with one more value; one that is held once gets it after a comma. */
export function addHeader(headers: HeaderList, name: string, value: string, isResponse: boolean): HeaderList {
  const isSingle = (isResponse ? SINGLE_RESPONSE_HEADERS : SINGLE_REQUEST_HEADERS).test(name);
  const present = isSingle ? headerValues(headers, name) : [];
  if (present.length === 0) return [...headers, [name, value]];
  return setHeader(headers, name, [...present.filter((each) => each !== ''), value].join(','));
}
