/** The Gateway that requests come through, assumed to be there where the rules at hand come without it. Pure. */
import { resolveGatewayName } from '../router/compile/host.ts';
import type { ValidResource, ValidResourceOf } from '../router/schema/kind.ts';
import type { Client } from './client.ts';

type Gateway = ValidResourceOf<'Gateway'>;

/** How the rules know a gateway. */
export type GatewayState =
  /** It is among the resources, and serves the port. */
  | { readonly kind: 'there' }
  /** It is not, and rules are bound to it: `gateway` serves every host on the port. */
  | { readonly kind: 'assumed'; readonly gateway: Gateway }
  /** It is among the resources and serves other ports than the one asked for. */
  | { readonly kind: 'other-port'; readonly name: string; readonly ports: readonly number[] }
  /** Neither it nor a rule that is bound to it is there; `others` are. */
  | { readonly kind: 'unknown'; readonly name: string; readonly others: readonly string[] };

/** What there is of the client's gateway at the port; `there` for a client in the mesh. */
export function gatewayAt(
  resources: readonly ValidResource[],
  { gateway, namespace = 'default' }: Client,
  port: number,
): GatewayState {
  const name = gateway === undefined ? 'mesh' : resolveGatewayName(gateway, namespace);
  if (name === 'mesh') return { kind: 'there' };
  const written = resources.filter((each) => each.kind === 'Gateway');
  const own = written.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === name);
  if (own !== undefined) {
    const ports = [...new Set((own.spec.servers ?? []).map((server) => server.port.number))];
    return ports.includes(port) ? { kind: 'there' } : { kind: 'other-port', name, ports };
  }
  const bound = new Set(boundGateways(resources));
  if (!bound.has(name)) {
    for (const { metadata } of written) bound.add(`${metadata.namespace}/${metadata.name}`);
    return { kind: 'unknown', name, others: [...bound].sort() };
  }
  return { kind: 'assumed', gateway: gatewayFor(name, [port]) };
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
