/** Options that say where to listen and what stands behind, as `serve` and `dev` share them. */
import { InvalidArgumentError } from 'commander';
import type { Endpoint, Service } from '../router/index.ts';

/** A port to listen on, and the service port that it stands for. */
export interface PortMapping {
  readonly port: number;
  /** Absent: as the gateway chooses, see `--port`. */
  readonly servicePort?: number;
}

/** Adds `8080` or `8080=20000` to the mappings given before. */
export function parsePortMapping(
  text: string,
  before: readonly PortMapping[] | undefined,
): readonly PortMapping[] {
  const [, port, servicePort] = /^(\d{1,5})(?:=(\d{1,5}))?$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535 || Number(servicePort ?? 0) > 65_535)
    throw new InvalidArgumentError(
      'Write a port like 8080, or 8080=20000 with the service port it stands for.',
    );
  return [
    ...(before ?? []),
    { port: Number(port), ...(servicePort !== undefined && { servicePort: Number(servicePort) }) },
  ];
}

/** One of a user's own servers behind the rules. */
export interface UpstreamOption {
  /** The version, a subset's label. */
  readonly version: string;
  readonly address: string;
  readonly port: number;
  /** Istio's name of the protocol it speaks. */
  readonly protocol: 'HTTP' | 'GRPC';
}

/** Adds `v1=:3000`, `v1=10.0.0.1:3000` or `v1=grpc://:3000` to those given before. */
export function parseUpstream(
  text: string,
  before: readonly UpstreamOption[] | undefined,
): readonly UpstreamOption[] {
  const [, version, scheme, host, port] =
    /^([A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*)=(?:(http|grpc|h2c):\/\/)?(\[[0-9A-Fa-f:.]+\]|[\w.-]*):(\d{1,5})\/?$/.exec(
      text,
    ) ?? [];
  if (version === undefined || Number(port) > 65_535 || Number(port) === 0)
    throw new InvalidArgumentError('Write an upstream like v1=:3000, v2=10.0.0.7:3000 or v1=grpc://:3000.');
  const address =
    host === '' || host === undefined || host === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, '');
  const protocol = scheme === undefined || scheme === 'http' ? 'HTTP' : 'GRPC';
  return [...(before ?? []), { version, address, port: Number(port), protocol }];
}

/** The service that upstreams make up: one host and port, its endpoints told apart by the label of their version. */
export function upstreamService(
  host: string,
  servicePort: number,
  upstreams: readonly UpstreamOption[],
): Service {
  const grpc = upstreams.every(({ protocol }) => protocol === 'GRPC');
  const port = { name: grpc ? 'grpc' : 'http', number: servicePort, protocol: grpc ? 'GRPC' : 'HTTP' };
  return {
    host: `${host}.default.svc.cluster.local`,
    namespace: 'default',
    ports: [port],
    resolution: upstreams.every(({ address }) => isAddress(address)) ? 'STATIC' : 'DNS',
    endpoints: upstreams.map(
      ({ version, address, port: own }): Endpoint => ({
        id: `${address}:${own}`,
        // The first is the tutorial's label, the second the one that most charts use.
        labels: { dubbogoAppVersion: version, version },
        target: { kind: 'socket', address, ports: { [port.name]: own } },
      }),
    ),
  };
}

function isAddress(text: string): boolean {
  return /^\d+(\.\d+){3}$/.test(text) || text.includes(':');
}
