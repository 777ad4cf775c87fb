/** The Gateway behind `--gateway` where the rules come without it. */
import type { ValidResource } from '../router/index.ts';
import { gatewayOf } from '../workbench/assumed-gateway.ts';
import type { Client } from '../workbench/client.ts';
import { usageFailure } from './failure.ts';

/**
 * The gateway that has to be made up for a request at the port, if any. Throws where the one that is named serves
 * nothing there, or is not known.
 */
export function assumedGateway(
  command: 'explain' | 'simulate',
  resources: readonly ValidResource[],
  client: Client,
  port: number,
): ValidResource[] {
  const state = gatewayOf(resources, client, [port]);
  if (state.kind === 'assumed') return [state.gateway];
  if (state.kind === 'unknown') throw unknownGateway(`${command} a request`, state);
  if (state.name !== 'mesh' && !state.ports.includes(port))
    throw usageFailure(
      `Cannot ${command} a request at port ${port} of gateway ${state.name}: it serves ${state.ports.join(', ') || 'no port'}, so write --port ${state.ports[0] ?? 'PORT'}`,
    );
  return [];
}

/** Throws where neither the client's Gateway nor a rule that is bound to it is among the resources. */
export function assertKnownGateway(
  command: 'draw rules' | 'compare requests',
  resources: readonly ValidResource[],
  client: Client,
): void {
  const state = gatewayOf(resources, client, []);
  if (state.kind === 'unknown') throw unknownGateway(command, state);
}

function unknownGateway(what: string, { name, others }: { name: string; others: readonly string[] }): Error {
  return usageFailure(
    `Cannot ${what} through gateway ${name}: there is no such Gateway, and rules are bound to ${others.length === 0 ? 'none at all' : `only ${others.join(', ')}`}`,
  );
}
