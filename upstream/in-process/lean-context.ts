/**
 * What a handler is told of its call, made when it asks: most handlers look at nothing, and headers, signals and
 * timers are what a call costs most. Imports @connectrpc/connect.
 */
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect';
import type { FieldList, RequestHead } from '../../wire/stream.ts';
import { gzip } from '../compression.ts';
import { fieldsOf, headersOf } from '../web-program.ts';
import type { LeanMethod } from './lean-method.ts';
import type { LeanRequest } from './lean-request.ts';
import { urlOf } from './service.ts';

/** The state behind a handler's context. {@link forHandler} is what the handler gets. */
export class LeanContext {
  readonly #method: LeanMethod;
  readonly #head: RequestHead;
  readonly #request: LeanRequest;
  /** On the clock of `Date.now()`; 0 without a timeout. */
  readonly #deadlineMs: number;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #values: ContextValues | undefined;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #reason: unknown;
  /** What the handler has put on its context. */
  #own: Record<PropertyKey, unknown> | undefined;

  constructor(method: LeanMethod, head: RequestHead, request: LeanRequest) {
    this.#method = method;
    this.#head = head;
    this.#request = request;
    // Whole milliseconds, as a date has them.
    this.#deadlineMs = request.timeoutMs === undefined ? 0 : Math.trunc(Date.now() + request.timeoutMs);
  }

  /** An object that reads as a plain one with all of a context's properties, when it is copied too. */
  forHandler(): HandlerContext {
    return new Proxy<LeanContext>(this, TRAPS) as unknown as HandlerContext;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= this.#newResponseHeader();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers(this.#isConnect ? undefined : GRPC_OK);
    return this.#responseTrailer;
  }

  /** The response headers, unless the handler never asked for them. */
  get askedHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  /** The trailers, unless the handler never asked for them. */
  get askedTrailer(): Headers | undefined {
    return this.#responseTrailer;
  }

  /** The head of a gRPC answer. */
  headFields(): FieldList {
    if (this.#responseHeader) return fieldsOf(this.#responseHeader);
    return this.#request.takesGzip ? this.#request.format.gzipHead : this.#request.format.head;
  }

  /** The call is over: its signal aborts, as Connect has it, with the default reason if there is none. */
  finish(reason?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    clearTimeout(this.#timer);
    this.#abort?.abort(reason);
  }

  read(key: PropertyKey): unknown {
    if (this.#own && key in this.#own) return this.#own[key];
    switch (key) {
      case 'method':
        return this.#method.spec.method;
      case 'service':
        return this.#method.spec.method.parent;
      case 'requestMethod':
        return this.#head.method;
      case 'protocolName':
        return this.#request.format.protocol;
      case 'url':
        return urlOf(this.#head);
      case 'timeoutMs':
        return this.#deadlineMs === 0 ? noTimeout : () => this.#deadlineMs - Date.now();
      case 'requestHeader':
        this.#requestHeader ??= headersOf(this.#head.headers);
        return this.#requestHeader;
      case 'responseHeader':
        return this.responseHeader;
      case 'responseTrailer':
        return this.responseTrailer;
      case 'signal':
        this.#abort ??= this.#newAbort();
        return this.#abort.signal;
      case 'values':
        this.#values ??= createContextValues();
        return this.#values;
      default:
        return (Object.prototype as unknown as Record<PropertyKey, unknown>)[key];
    }
  }

  write(key: PropertyKey, value: unknown): void {
    this.#own ??= Object.create(null) as Record<PropertyKey, unknown>;
    this.#own[key] = value;
  }

  keys(): PropertyKey[] {
    return this.#own ? [...new Set([...KEYS, ...Reflect.ownKeys(this.#own)])] : KEYS;
  }

  get #isConnect(): boolean {
    return this.#request.format.protocol === 'connect';
  }

  #newResponseHeader(): Headers {
    const headers = new Headers();
    headers.set(...this.#request.format.contentType);
    if (!this.#isConnect && this.#request.takesGzip) headers.set('grpc-encoding', gzip.name);
    return headers;
  }

  #newAbort(): AbortController {
    const controller = new AbortController();
    if (this.#isOver) controller.abort(this.#reason);
    else if (this.#request.timeoutMs !== undefined) {
      const pass = (): void =>
        controller.abort(new ConnectError('the operation timed out', Code.DeadlineExceeded));
      const leftMs = this.#deadlineMs - Date.now();
      if (leftMs <= 0) pass();
      else this.#timer = setTimeout(pass, leftMs);
    }
    return controller;
  }
}

const GRPC_OK = { 'grpc-status': '0' };

const noTimeout = (): undefined => undefined;

const KEYS: PropertyKey[] = [
  'method',
  'service',
  'requestMethod',
  'protocolName',
  'url',
  'timeoutMs',
  'requestHeader',
  'responseHeader',
  'responseTrailer',
  'signal',
  'values',
] satisfies (keyof HandlerContext)[];

const TRAPS: ProxyHandler<LeanContext> = {
  get: (context, key) => context.read(key),
  set(context, key, value) {
    context.write(key, value);
    return true;
  },
  defineProperty(context, key, { value }) {
    context.write(key, value);
    return true;
  },
  has: (context, key) => context.keys().includes(key) || key in Object.prototype,
  ownKeys: (context) => context.keys() as (string | symbol)[],
  getOwnPropertyDescriptor: (context, key) =>
    context.keys().includes(key)
      ? { value: context.read(key), writable: true, enumerable: true, configurable: true }
      : undefined,
  getPrototypeOf: () => Object.prototype,
};
