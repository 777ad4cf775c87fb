/**
 * Connections of the system's own, for runtimes that have sockets: loaded when first needed, so that nothing of node's is
 * reached elsewhere. What only has `fetch` does not import this at all.
 */
import { Names } from './dns.ts';
import { PendingStream } from './pending-stream.ts';
import type { Connect, PoolOptions } from './pool.ts';
import type { Upstream } from './upstream.ts';

/** Sockets and names looked up, where the runtime has them; else nothing, so that a pool goes by `fetch`. */
export function systemConnections(): Pick<PoolOptions, 'connect' | 'names'> {
  if (!hasSockets()) return {};
  return {
    connect: connectLazily,
    names: new Names(async (name) => (await import('./resolve.ts')).resolveName(name), afterMs),
  };
}

const connectLazily: Connect = (endpoint, protocol, settings) =>
  new LazyUpstream(endpoint, protocol, settings);

/** One of many, most of which nobody may ever ask for: it holds what it is made of, and no function of its own. */
class LazyUpstream implements Upstream {
  readonly #from: Parameters<Connect>;
  #opened: Upstream | undefined;
  #opening: Promise<Upstream> | undefined;
  #isClosed = false;

  constructor(...from: Parameters<Connect>) {
    this.#from = from;
  }

  open(...[request, hasEnded, receiver]: Parameters<Upstream['open']>): ReturnType<Upstream['open']> {
    if (this.#opened) return this.#opened.open(request, hasEnded, receiver);
    const pending = new PendingStream(request, hasEnded, receiver);
    this.#opening ??= this.#load();
    this.#opening.then(
      (upstream) => pending.attach(upstream),
      (cause) => pending.fail('remote-connection-failure', `${cause}`),
    );
    return pending;
  }

  close(isNow = false): void {
    this.#isClosed = true;
    this.#opened?.close?.(isNow);
  }

  async #load(): Promise<Upstream> {
    const { createRemoteUpstream } = await import('./remote/index.ts');
    this.#opened = createRemoteUpstream(...this.#from);
    if (this.#isClosed) this.#opened.close?.();
    return this.#opened;
  }
}

/**
 * Whether the runtime has sockets. Workers have a `process` too, where compatibility is asked for, but call themselves
 * otherwise.
 */
export function hasSockets(): boolean {
  const { process, navigator } = globalThis as {
    process?: { versions?: { node?: string } };
    navigator?: { userAgent?: string };
  };
  return process?.versions?.node !== undefined && navigator?.userAgent !== 'Cloudflare-Workers';
}

function afterMs(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  timer.unref?.();
  return () => clearTimeout(timer);
}
