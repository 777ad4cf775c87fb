/** The endpoints and rules of cases: each is a host of its own, `c0` the first. Imports the cases. */
import type { Service } from '../../../router/index.ts';
import { refusingPort } from '../../closed-port.ts';
import { type FaultCase, UNKNOWN_NAME } from './case.ts';
import { type FaultyEndpoint, openEndpoint } from './endpoint.ts';

/** The endpoints of cases, in their order. */
export interface Endpoints {
  /** Undefined where nothing listens. */
  readonly all: readonly (FaultyEndpoint | undefined)[];
  readonly ports: readonly number[];
  close(): Promise<void>;
}

/** Opens an endpoint for each of the cases. */
export async function openEndpoints(cases: readonly FaultCase[]): Promise<Endpoints> {
  const all = await Promise.all(
    cases.map(async ({ endpoint, protocol }) =>
      typeof endpoint === 'string' ? undefined : openEndpoint(protocol ?? 'http1', endpoint),
    ),
  );
  const ports = await Promise.all(all.map(async (each) => each?.port ?? refusingPort()));
  return { all, ports, close: async () => void (await Promise.all(all.map((each) => each?.close()))) };
}

/** The service that a case's host is. */
export function serviceOf({ protocol, endpoint }: FaultCase, index: number, port: number): Service {
  const address = endpoint === 'nameless' ? UNKNOWN_NAME : '127.0.0.1';
  return {
    host: `c${index}.default.svc.cluster.local`,
    namespace: 'default',
    ports: [{ name: 'main', number: 80, protocol: protocol ? 'HTTP2' : 'HTTP' }],
    ...(endpoint === 'nameless' && { resolution: 'DNS' }),
    endpoints: [{ id: 'one', labels: {}, target: { kind: 'socket', address, ports: { main: port } } }],
  };
}

/** What a case says as Istio's resources, in YAML. */
export function rulesOf({ timeoutMs, retries, tlsConnectTimeoutMs }: FaultCase, index: number): string {
  const host = `c${index}`;
  const rule = {
    ...(timeoutMs !== undefined && { timeout: `${timeoutMs}ms` }),
    ...(retries && {
      retries: retries.attempts > 0 ? { ...retries, backoff: '1ms' } : { attempts: 0 },
    }),
    route: [{ destination: { host } }],
  };
  const resources = [
    { kind: 'VirtualService', metadata: { name: host }, spec: { hosts: [host], http: [rule] } },
    ...(tlsConnectTimeoutMs === undefined
      ? []
      : [
          {
            kind: 'DestinationRule',
            metadata: { name: host },
            spec: {
              host,
              trafficPolicy: {
                tls: { mode: 'SIMPLE', insecureSkipVerify: true },
                connectionPool: { tcp: { connectTimeout: `${tlsConnectTimeoutMs}ms` } },
              },
            },
          },
        ]),
  ];
  return resources
    .map((resource) => JSON.stringify({ apiVersion: 'networking.istio.io/v1', ...resource }))
    .join('\n---\n');
}
