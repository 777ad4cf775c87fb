/** Reads the head of a request: its line, the target's form, and whom it is for. Imports the wire's types and the reader of fields. */
import type { RequestHead } from '../stream.ts';
import { readLatin1 } from '../text.ts';
import { FieldReader } from './field-reader.ts';
import { CONNECTION, isRefusedConnection, upgradeProtocol } from './framing.ts';
import type { Http1Limits } from './limit.ts';
import { MessageError } from './message-error.ts';
import { CR, LF, READ_TARGET, SPACE, TOKEN } from './octet.ts';

const SLASH = 0x2f;
const G = 0x47;
const E = 0x45;
const T = 0x54;
const P = 0x50;
const O = 0x4f;
const S = 0x53;

/** A request's head and what its connection does with it. */
export interface Request {
  readonly head: RequestHead;
  /** The client will read another answer from this connection. */
  readonly keepAlive: boolean;
  /** HTTP/1.0, which knows neither chunks nor informational answers. */
  readonly isOld: boolean;
  /** The client waits for 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** An answer with 101 opens a tunnel; there is no body. */
  readonly wantsTunnel: boolean;
  /** Content-Length; -1: none. */
  readonly contentLength: number;
  readonly isChunked: boolean;
}

/** Reads requests. */
export class RequestReader extends FieldReader {
  #method = '';
  #target = '';
  #minor = 1;

  constructor(limits: Http1Limits) {
    super(limits, true);
  }

  /** The request that has been read. Throws {@link MessageError}. Source: RFC 9112, 3 and 6. */
  request(scheme: string): Request {
    const { isChunked, contentLength, connection } = this;
    const isOld = this.#minor === 0;
    if (isChunked) {
      if (contentLength >= 0) throw new MessageError(400, 'Both Transfer-Encoding and Content-Length');
      if (isOld) throw new MessageError(400, 'Transfer-Encoding in HTTP/1.0');
    }
    if (isRefusedConnection(connection))
      throw new MessageError(400, 'Connection names too many fields, or one that is not of the connection');
    const head = this.#head(scheme, isOld);
    return {
      head,
      isOld,
      keepAlive: isOld
        ? (connection & (CONNECTION.KEEP_ALIVE | CONNECTION.CLOSE)) === CONNECTION.KEEP_ALIVE
        : (connection & CONNECTION.CLOSE) === 0 && head.method !== 'CONNECT',
      expectsContinue: this.expectsContinue && !isOld,
      wantsTunnel: head.upgrade !== undefined,
      contentLength,
      isChunked,
    };
  }

  #head(scheme: string, isOld: boolean): RequestHead {
    const { host, fields: headers } = this;
    const method = this.#method;
    const path = this.#target;
    if (host === undefined ? !isOld : !isHost(host)) {
      throw new MessageError(400, host === undefined ? 'No Host' : 'Host that is none');
    }
    const authority = host ?? '';
    if (method === 'CONNECT') {
      if (!/:\d+$/.test(path) || !isHost(path)) throw new MessageError(400, 'CONNECT without host and port');
      return { method, scheme, authority: path, path: '', headers };
    }
    if (path.charCodeAt(0) !== SLASH && !(path === '*' && method === 'OPTIONS')) {
      const [, named = '', host = '', port = 0, rest = ''] = ABSOLUTE.exec(path) ?? [];
      if (host === '' || Number(port) > MAX_PORT)
        throw new MessageError(400, 'Request target that is neither a path nor an http URL');
      const upgrade = this.#tunnelProtocol(isOld);
      return {
        ...{
          method,
          scheme: named.toLowerCase(),
          hasScheme: true,
          authority: host,
          path: rest || '/',
          headers,
        },
        ...(upgrade !== undefined && { upgrade }),
      };
    }
    const upgrade = this.#tunnelProtocol(isOld);
    if (upgrade === undefined) return { method, scheme, authority, path, headers };
    return { method, scheme, authority, path, headers, upgrade };
  }

  /** With a body there is no telling where it ends and the tunnel begins; then Upgrade is ignored, as it may be (RFC 9110, 7.8). */
  #tunnelProtocol(isOld: boolean): string | undefined {
    const { upgrade } = this;
    if (upgrade === undefined || isOld || (this.connection & CONNECTION.UPGRADE) === 0) return undefined;
    return this.isChunked || this.contentLength > 0 ? undefined : upgradeProtocol(upgrade);
  }

  protected override startLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && (bytes[at] === CR || bytes[at] === LF)) {
      // Empty lines before a request are read over (RFC 9112, 2.2).
      at = this.lineEnd(bytes, at, end, 'CR without LF');
      if (at < 0) return -1;
    }
    const methodStart = at;
    while (at < end && TOKEN[bytes[at]!] !== 0) at++;
    if (at === end) return -1;
    if (bytes[at] !== SPACE || at === methodStart)
      return this.#refuseLine(bytes, at, end, 400, 'Request line without a method');
    const targetStart = at + 1;
    at = targetStart;
    while (at < end && READ_TARGET[bytes[at]!] !== 0) at++;
    if (at === end) return -1;
    if (bytes[at] !== SPACE || at === targetStart)
      return this.#refuseLine(bytes, at, end, 400, 'Request line with a wrong target or without a version');
    const targetEnd = at++;
    if (!isVersion(bytes, at, end))
      return this.#refuseLine(bytes, at, end, 400, 'Request line with a wrong version');
    if (bytes[at + 5] !== 0x31 || (bytes[at + 7] !== 0x31 && bytes[at + 7] !== 0x30))
      return this.#refuseLine(bytes, at, end, 505, 'Version other than HTTP/1.1 and HTTP/1.0');
    const behind = this.lineEnd(bytes, at + 8, end, 'Request line with more than a version at its end');
    if (behind < 0) return -1;
    const first = bytes[targetStart];
    this.#method = readMethod(bytes, methodStart, targetStart - 1, this.limits.allowCustomMethods);
    this.#minor = bytes[at + 7]! - 0x30;
    this.#target =
      targetEnd - targetStart === 1
        ? first === SLASH
          ? '/'
          : String.fromCharCode(first!)
        : readLatin1(bytes, targetStart, targetEnd);
    this.hasStarted = true;
    return behind;
  }

  #refuseLine(bytes: Uint8Array, at: number, end: number, status: number, message: string): number {
    if (!this.isWhole(bytes, at, end)) return -1;
    throw new MessageError(status, message);
  }
}

/**
 * Methods, in capitals; a server that knows more would not be told by Envoy. Source: what Envoy 1.40 takes;
 * `source/common/http/http1/balsa_parser.cc` (isMethodValid).
 */
export const METHODS: ReadonlySet<string> = new Set(
  (
    'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE MSEARCH NOTIFY ' +
    'OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK ' +
    'UNSUBSCRIBE'
  ).split(' '),
);

function readMethod(bytes: Uint8Array, start: number, end: number, allowsCustom: boolean): string {
  const length = end - start;
  if (length === 3 && bytes[start] === G && bytes[start + 1] === E && bytes[start + 2] === T) return 'GET';
  if (
    length === 4 &&
    bytes[start] === P &&
    bytes[start + 1] === O &&
    bytes[start + 2] === S &&
    bytes[start + 3] === T
  )
    return 'POST';
  const method = readLatin1(bytes, start, end);
  if (!allowsCustom && !METHODS.has(method))
    throw new MessageError(400, 'Request line with a method that is not known');
  return method;
}

/** `HTTP/` digit `.` digit. */
function isVersion(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    at + 8 <= end &&
    bytes[at] === 0x48 &&
    bytes[at + 1] === T &&
    bytes[at + 2] === T &&
    bytes[at + 3] === P &&
    bytes[at + 4] === SLASH &&
    isDigit(bytes[at + 5]!) &&
    bytes[at + 6] === 0x2e &&
    isDigit(bytes[at + 7]!)
  );
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/**
 * A target in absolute form: scheme, host with port, port, and what follows them. User information is read over, as it
 * goes no further. Source: what Envoy 1.40 takes.
 */
const ABSOLUTE =
  /^(https?):\/\/(?:[^/?#@]*@)?((?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?)([/?].*)?$/i;
const MAX_PORT = 65535;

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[-.\w~!$&'()*+,;=%]+)(?::[-.\w~!$&'()*+,;=%]*)?$/;
let lastHost = '';

/**
 * Whether it is `uri-host [ ":" port ]`, or empty. A port may be a name, as with Envoy, and then is none of the rules'
 * business. User information (`user@host`) is refused, as readers disagree on it. Source: RFC 3986, 3.2.2; RFC 9110, 7.2.
 */
export function isHost(text: string): boolean {
  if (text === lastHost || text === '') return true;
  if (!HOST.test(text)) return false;
  lastHost = text;
  return true;
}
