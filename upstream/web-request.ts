/** Requests as the web has them, made cheaply on every runtime. Imports the stream types. */
import type { ProgramRequest } from './program-stream.ts';
import { requestInit } from './web-program.ts';

/** Present on Node alone, whose `Request` is undici's. */
const undici = (globalThis as { process?: { versions?: { undici?: string } } }).process?.versions?.undici;

/**
 * A request whose signal undici does not know: for each that is given to it, it keeps a weak reference and a finalizer, by
 * which all that belongs to the request stays in memory until the next whole garbage collection.
 */
class SignalledRequest extends Request {
  readonly #signal: AbortSignal;

  constructor(url: string, init: RequestInit, signal: AbortSignal) {
    super(url, init);
    this.#signal = signal;
  }

  override get signal(): AbortSignal {
    return this.#signal;
  }

  override clone(): Request {
    return new Request(super.clone(), { signal: this.#signal });
  }
}

/**
 * The request for a program in this process. Its `signal` aborts when the caller has gone; on Node `fetch(request)` does not
 * hear of that, but `fetch(request, { signal: request.signal })` does. Throws for a URL or method that the web does not take.
 */
export function webRequest(url: string, request: ProgramRequest): Request {
  const init = requestInit(request);
  if (undici === undefined) return new Request(url, init);
  const { signal } = request;
  delete init.signal;
  return new SignalledRequest(url, init, signal);
}
