/** The Gateway that requests come through, assumed to be there where the rules at hand come without it. Pure. */
import { resolveGatewayName } from '../router/compile/host.ts';
import type { ValidResource, ValidResourceOf } from '../router/schema/kind.ts';
import type { Client } from './client.ts';

type Gateway = ValidResourceOf<'Gateway'>;

/** How the rules know a gateway. */
export type GatewayState =
  /** It is among the resources, and serves these ports; a client in the mesh has no gateway to look for, and no ports. */
  | { readonly kind: 'there'; readonly name: string; readonly ports: readonly number[] }
  /** It is not, and rules are bound to it: `gateway` serves every host on the ports asked for. */
  | { readonly kind: 'assumed'; readonly gateway: Gateway }
  /** Neither it nor a rule that is bound to it is there; `others` are. */
  | { readonly kind: 'unknown'; readonly name: string; readonly others: readonly string[] };

/** What there is of the client's gateway; where it has to be assumed, it serves the given ports. */
export function gatewayOf(
  resources: readonly ValidResource[],
  { gateway, namespace = 'default' }: Client,
  ports: readonly number[],
): GatewayState {
  const name = gateway === undefined ? 'mesh' : resolveGatewayName(gateway, namespace);
  if (name === 'mesh') return { kind: 'there', name, ports: [] };
  const written = resources.filter((each) => each.kind === 'Gateway');
  const own = written.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === name);
  if (own !== undefined) {
    const served = new Set((own.spec.servers ?? []).map((server) => server.port.number));
    return { kind: 'there', name, ports: [...served] };
  }
  const bound = new Set(boundGateways(resources));
  if (!bound.has(name)) {
    for (const { metadata } of written) bound.add(`${metadata.namespace}/${metadata.name}`);
    return { kind: 'unknown', name, others: [...bound].sort() };
  }
  return { kind: 'assumed', gateway: gatewayFor(name, ports) };
}

/**
 * The gateway that has to be assumed for the client's rules to take effect, if any; it serves the given ports. `known`
 * are the resources of both sides of a comparison: where they have the Gateway and `resources` do not, it serves
 * nothing, as to lose it is a difference.
 */
export function assumedGateways(
  resources: readonly ValidResource[],
  client: Client,
  ports: readonly number[],
  known = resources,
): Gateway[] {
  const state = gatewayOf(known, client, ports);
  if (state.kind === 'assumed') return [state.gateway];
  const isLost = state.kind === 'there' && gatewayOf(resources, client, ports).kind !== 'there';
  return isLost ? [gatewayFor(state.name, [])] : [];
}

/** True where the client's gateway, as one of the resources has it, speaks TLS on the port. */
export function isTlsPort(
  resources: readonly ValidResource[],
  { gateway, namespace = 'default' }: Client,
  port: number,
): boolean {
  if (gateway === undefined) return false;
  const name = resolveGatewayName(gateway, namespace);
  return resources.some(
    ({ kind, metadata, spec }) =>
      kind === 'Gateway' &&
      `${metadata.namespace}/${metadata.name}` === name &&
      (spec.servers ?? []).some(
        (each) => each.port.number === port && each.port.protocol.toUpperCase() === 'HTTPS',
      ),
  );
}

/** `NAMESPACE/NAME` of each gateway that VirtualServices are bound to. */
export function boundGateways(resources: readonly ValidResource[]): string[] {
  const bound = new Set(resources.flatMap((each) => (each.kind === 'VirtualService' ? boundTo(each) : [])));
  bound.delete('mesh');
  return [...bound].sort();
}

/** A Gateway of the name that serves every host on the ports. */
export function gatewayFor(name: string, ports: readonly number[]): Gateway {
  const [ownNamespace = '', ownName = ''] = name.split('/');
  const servers = ports.map((number) => {
    return { port: { number, name: `http-${number}`, protocol: 'HTTP' }, hosts: ['*'] };
  });
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: ownName, namespace: ownNamespace },
    spec: { servers },
  };
}

function boundTo({ metadata, spec }: ValidResourceOf<'VirtualService'>): string[] {
  return (spec.gateways ?? []).map((each) => resolveGatewayName(each, metadata.namespace));
}
