/**
 * From decoded fields to heads, with the checks that make a message malformed (RFC 9113, 8.1 to 8.3; RFC 8441).
 * One builder a connection, used again for each block.
 */
import { type Field, type FieldList, NO_FIELDS, type RequestHead } from '../stream.ts';
import { isAuthority, isConnectionField, isScheme, isToken, readLength } from './field.ts';

/** A request's head as a block said it. */
export interface DecodedRequest {
  readonly head: RequestHead;
  /** Of the body; -1 where the client does not say. */
  readonly contentLength: number;
}

/** Takes the fields of a request. */
export class RequestFields {
  #method: string | undefined;
  #scheme: string | undefined;
  #authority: string | undefined;
  #path: string | undefined;
  #protocol: string | undefined;
  #host: string | undefined;
  #headers: Field[] = [];
  #length = -1;
  #isMalformed = false;

  /** For the next block. */
  clear(): void {
    this.#method = undefined;
    this.#scheme = undefined;
    this.#authority = undefined;
    this.#path = undefined;
    this.#protocol = undefined;
    this.#host = undefined;
    this.#headers = [];
    this.#length = -1;
    this.#isMalformed = false;
  }

  field(field: Field): void {
    const name = field[0];
    if (name.charCodeAt(0) === 0x3a) return this.#pseudo(name, field[1]);
    switch (name.length) {
      case 2:
      case 7:
      case 10:
      case 16:
      case 17:
        if (isConnectionField(name, field[1])) this.#isMalformed = true;
        break;
      case 4:
        if (name !== 'host') break;
        if (this.#host !== undefined) this.#isMalformed = true;
        this.#host = field[1];
        return;
      case 14:
        if (name !== 'content-length') break;
        if (this.#length !== -1) this.#isMalformed = true;
        this.#length = readLength(field[1]);
        if (this.#length === -1) this.#isMalformed = true;
        break;
    }
    this.#headers.push(field);
  }

  #pseudo(name: string, value: string): void {
    // Pseudo headers come first, each once.
    if (this.#headers.length > 0 || this.#host !== undefined) this.#isMalformed = true;
    switch (name) {
      case ':method':
        if (this.#method !== undefined) this.#isMalformed = true;
        this.#method = value;
        break;
      case ':scheme':
        if (this.#scheme !== undefined) this.#isMalformed = true;
        this.#scheme = value;
        break;
      case ':authority':
        if (this.#authority !== undefined) this.#isMalformed = true;
        this.#authority = value;
        break;
      case ':path':
        if (this.#path !== undefined) this.#isMalformed = true;
        this.#path = value;
        break;
      case ':protocol':
        if (this.#protocol !== undefined) this.#isMalformed = true;
        this.#protocol = value;
        break;
      default:
        this.#isMalformed = true;
    }
  }

  /** The head; undefined for a malformed one. An authority takes the place of a Host beside it, as in Envoy. */
  finish(): DecodedRequest | undefined {
    const isExtended = this.#protocol !== undefined;
    if (this.#isMalformed || !this.#method || !isToken(this.#method)) return undefined;
    if (isExtended && (this.#method !== 'CONNECT' || !isToken(this.#protocol!))) return undefined;
    // An empty authority is none, as in HTTP/1.1's Host.
    const authority = this.#authority || this.#host || '';
    if (!isAuthority(authority)) return undefined;
    // CONNECT has neither scheme nor path, unless it opens a WebSocket.
    if (this.#method === 'CONNECT' && !isExtended) {
      if (this.#scheme !== undefined || this.#path !== undefined || !this.#authority) return undefined;
    } else if (!this.#scheme || !isScheme(this.#scheme) || !this.#path || !isPath(this.#path, this.#method))
      return undefined;
    const head: RequestHead = {
      method: isExtended ? 'GET' : this.#method,
      scheme: this.#scheme ?? 'http',
      authority,
      path: this.#path ?? '',
      headers: this.#headers,
      ...(isExtended && { upgrade: this.#protocol! }),
    };
    return { head, contentLength: this.#length };
  }
}

function isPath(path: string, method: string): boolean {
  if (path.charCodeAt(0) !== 0x2f && !(path === '*' && method === 'OPTIONS')) return false;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code <= 0x20 || code === 0x7f) return false;
  }
  return true;
}

/** Takes the fields of an answer, or of trailers. */
export class ResponseFields {
  headers: Field[] = [];
  /** 0: none was given. */
  status = 0;
  /** Of the body; -1 where the peer does not say. */
  contentLength = -1;
  isMalformed = false;

  /** For the next block. */
  clear(): void {
    this.headers = [];
    this.status = 0;
    this.contentLength = -1;
    this.isMalformed = false;
  }

  field(field: Field): void {
    const [name, value] = field;
    if (name.charCodeAt(0) === 0x3a) {
      if (name !== ':status' || this.status !== 0 || this.headers.length > 0 || !/^[1-9]\d\d$/.test(value))
        this.isMalformed = true;
      else this.status = Number(value);
      return;
    }
    if (isConnectionField(name, value)) this.isMalformed = true;
    else if (name === 'content-length') {
      const length = readLength(value);
      if (length === -1 || (this.contentLength !== -1 && this.contentLength !== length))
        this.isMalformed = true;
      this.contentLength = length;
    }
    this.headers.push(field);
  }

  /** Trailers, which have no pseudo headers; undefined for malformed ones. */
  trailers(): FieldList | undefined {
    if (this.isMalformed || this.status !== 0) return undefined;
    return this.headers.length === 0 ? NO_FIELDS : this.headers;
  }
}
