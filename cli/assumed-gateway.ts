/** The Gateway behind `--gateway` where the rules come without it. */
import type { ValidResource } from '../router/index.ts';
import { gatewayAt } from '../workbench/assumed-gateway.ts';
import type { Client } from '../workbench/client.ts';
import { usageFailure } from './failure.ts';

/** The gateway that has to be made up, if any. Throws where the one that is named serves nothing there. */
export function assumedGateway(
  command: 'explain' | 'simulate',
  resources: readonly ValidResource[],
  client: Client,
  port: number,
): ValidResource[] {
  const state = gatewayAt(resources, client, port);
  switch (state.kind) {
    case 'there':
      return [];
    case 'assumed':
      return [state.gateway];
    case 'other-port': {
      const ports = state.ports.join(', ');
      throw usageFailure(
        `Cannot ${command} a request at port ${port} of gateway ${state.name}: it serves ${ports || 'no port'}, so write --port ${state.ports[0] ?? 'PORT'}`,
      );
    }
    case 'unknown': {
      const others = state.others.length === 0 ? 'none at all' : `only ${state.others.join(', ')}`;
      throw usageFailure(
        `Cannot ${command} a request through gateway ${state.name}: there is no such Gateway, and rules are bound to ${others}`,
      );
    }
  }
}
