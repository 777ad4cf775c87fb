/**
 * Connections of the system's own, for runtimes that have sockets: loaded when first needed, so that nothing of node's is
 * reached elsewhere. What only has `fetch` does not import this at all.
 */
import { PendingStream } from './pending-stream.ts';
import type { Connect, PoolOptions } from './pool.ts';
import type { Upstream } from './upstream.ts';

/** Sockets and names looked up, where the runtime has them; else nothing, so that a pool goes by `fetch`. */
export function systemConnections(): Pick<PoolOptions, 'connect' | 'resolve'> {
  if (!hasSockets()) return {};
  return {
    connect: connectLazily,
    resolve: async (name) => (await import('./resolve.ts')).resolveName(name),
  };
}

const connectLazily: Connect = (endpoint, protocol, settings) => {
  let opened: Upstream | undefined;
  let opening: Promise<Upstream> | undefined;
  let isClosed = false;
  const load = async (): Promise<Upstream> => {
    const { createRemoteUpstream } = await import('./remote/index.ts');
    opened = createRemoteUpstream(endpoint, protocol, settings);
    if (isClosed) opened.close?.();
    return opened;
  };
  return {
    open(request, hasEnded, receiver) {
      if (opened) return opened.open(request, hasEnded, receiver);
      const pending = new PendingStream(request, hasEnded, receiver);
      opening ??= load();
      opening.then(
        (upstream) => pending.attach(upstream),
        (cause) => pending.fail('remote-connection-failure', `${cause}`),
      );
      return pending;
    },
    close(isNow = false) {
      isClosed = true;
      opened?.close?.(isNow);
    },
  };
};

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
