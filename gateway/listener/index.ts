/** Opens a port with what the runtime has for it. Loads the listener that is needed, so that edges load none. */
import type { Answer } from '../exchange.ts';
import type { ListenerOptions, Listening } from './listening.ts';

/** Opens the port. Rejects with the runtime's error when it cannot, or where there are no sockets at all. */
export async function listen(
  options: ListenerOptions,
  answer: Answer,
  warn: (message: string) => void,
): Promise<Listening> {
  if ('Deno' in globalThis) return (await import('./deno.ts')).listen(options, answer, warn);
  if ((globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === undefined)
    throw new TypeError(
      'Cannot listen on a runtime without sockets: export the gateway as { fetch } instead',
    );
  return (await import('./node.ts')).listen(options, answer, warn);
}
