/**
 * Lines of access logs as requests: Envoy's default format, Istio's, and JSON by the names that Istio gives to
 * the fields. The port is that of the address that the client came to, else the authority's. A log tells few headers, so that rules that look at others see a request without them. Text is
 * UTF-8, as the requests were. Imports the router.
 *
 * Source: Envoy's documentation, `access_log/usage.rst` (default format string), Istio
 * `pilot/pkg/model/telemetry_logging.go` (EnvoyTextLogFormat, EnvoyJSONLogFormatIstio).
 */
import type { RouteRequest } from '../router/index.ts';
import { byteText } from '../router/table/byte-text.ts';
import { byteHeaders } from './written-request.ts';

/** What a line was read as. */
export type AccessLogFormat = 'envoy' | 'json';

/** One line. */
export interface LoggedRequest {
  readonly format: AccessLogFormat;
  readonly request: RouteRequest;
}

/** Longer lines are none of an access log. */
const MAX_LINE = 64 * 1024;

/** The request that a line tells of; undefined for a line that is none of an access log. */
export function readLogLine(line: string): LoggedRequest | undefined {
  if (line.length > MAX_LINE) return undefined;
  const text = line.trim();
  return text.startsWith('{') ? readJson(text) : readText(text);
}

function readText(line: string): LoggedRequest | undefined {
  const quoted = Array.from(line.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, text = '']) =>
    text.includes('\\') ? text.replaceAll(/\\(.)/g, '$1') : text,
  );
  const [head = '', ...rest] = quoted;
  const [, method, path, protocol] = /^(\S+) (\S+) (HTTP\/\S+|-)$/.exec(head) ?? [];
  if (method === undefined || path === undefined || protocol === undefined) return undefined;
  // Istio's has the transport failure's reason first, in quotes too: the five that follow are the last but one.
  const isIstio = rest.length >= 6;
  const [forwarded, agent, id, authority] = isIstio ? rest.slice(-5) : rest;
  if (authority === undefined || authority === '-') return undefined;
  const headers = given([
    ['user-agent', agent],
    ['x-forwarded-for', forwarded],
    ['x-request-id', id],
  ]);
  const port = isIstio
    ? listenerPort(
        line
          .slice(line.lastIndexOf('"') + 1)
          .trim()
          .split(' '),
      )
    : undefined;
  return { format: 'envoy', request: requestOf({ method, path, protocol, authority, headers, port }) };
}

/** After all that is in quotes: the cluster, the upstream's local address, and the address that the client came to. */
function listenerPort([cluster = '', , local]: readonly string[]): number | undefined {
  return portOf(cluster, local);
}

/** A server's own sidecar has the port of its workload there, which is none of a service. */
function portOf(cluster: string | undefined, local: string | undefined): number | undefined {
  if (local === undefined || cluster?.startsWith('inbound|')) return undefined;
  const port = /[.\]\d]:(\d{1,5})$/.exec(local)?.[1];
  return port === undefined ? undefined : Number(port);
}

function readJson(text: string): LoggedRequest | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const one = (...names: string[]): string | undefined => {
    const value = names
      .map((name) => fields[name])
      .find((each) => typeof each === 'string' && each !== '' && each !== '-');
    return value as string | undefined;
  };
  const method = one('method', ':method');
  const path = one('path', ':path', 'x-envoy-original-path');
  const authority = one('authority', ':authority', 'host');
  if (method === undefined || path === undefined || authority === undefined) return undefined;
  const own = fields['headers'] ?? fields['request_headers'];
  const listed =
    typeof own === 'object' && own !== null
      ? Object.entries(own).map(([name, value]) => [name.toLowerCase(), String(value)] as const)
      : [];
  const headers = [
    ...listed,
    ...given([
      ['user-agent', one('user_agent')],
      ['x-forwarded-for', one('x_forwarded_for')],
      ['x-request-id', one('request_id')],
    ]).filter(([name]) => !listed.some(([other]) => other === name)),
  ];
  return {
    format: 'json',
    request: requestOf({
      ...{ method, path, authority, headers },
      protocol: one('protocol') ?? 'HTTP/1.1',
      port: portOf(one('upstream_cluster'), one('downstream_local_address')),
    }),
  };
}

type Header = readonly [name: string, value: string];

function given(headers: readonly (readonly [string, string | undefined])[]): Header[] {
  return headers.filter((header): header is Header => header[1] !== undefined && header[1] !== '-');
}

interface Parts {
  readonly method: string;
  readonly path: string;
  readonly protocol: string;
  readonly authority: string;
  readonly headers: readonly Header[];
  /** Of the listener; undefined where the log does not tell it, and the authority has to. */
  readonly port: number | undefined;
}

function requestOf({ method, path, protocol, authority, headers, port: told }: Parts): RouteRequest {
  const port = told ?? Number(/:(\d{1,5})$/.exec(authority)?.[1] ?? 80);
  const http2 = protocol.startsWith('HTTP/2') || protocol.startsWith('HTTP/3');
  return {
    method,
    scheme: 'http',
    authority: byteText(authority),
    path: byteText(path),
    headers: byteHeaders(headers),
    port,
    http2,
  };
}
