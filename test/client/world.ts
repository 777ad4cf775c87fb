/** Clients that route by themselves, for tests: rules as text, endpoints as stock servers of this process. */
import { type Client, createClient } from '@connectrpc/connect';
import { createRoutedTransport, type RoutedTransportOptions, textSource } from '../../client/index.ts';
import type { Service } from '../../router/index.ts';
import { Echo } from '../gateway/echo.ts';

/** A VirtualService for host `echo`, its `http` in YAML's flow style. */
export const virtualService = (http: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec: { hosts: [echo], http: ${http} }
`;

/** A DestinationRule for host `echo`, its spec's other fields in YAML's flow style. */
export const destinationRule = (fields: string): string => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec: { host: echo, ${fields} }
`;

/** Sends everything to the service `echo`. */
export const plainRule = (more = ''): string =>
  virtualService(`[{ ${more}${more === '' ? '' : ', '}route: [{ destination: { host: echo } }] }]`);

/** A client of `test.Echo` by rules and services, used and closed. */
export async function withClient(
  rules: string | readonly string[],
  services: readonly Service[],
  use: (client: Client<typeof Echo>) => Promise<void>,
  options: Partial<RoutedTransportOptions> = {},
): Promise<void> {
  const text = typeof rules === 'string' ? rules : rules.join('---\n');
  const transport = createRoutedTransport({
    config: textSource('rules.yaml', text),
    services,
    baseUrl: 'http://echo',
    ...options,
  });
  try {
    await use(createClient(Echo, transport));
  } finally {
    await transport.close();
  }
}

/** Each message in turn. */
export async function* messages(...values: readonly string[]): AsyncGenerator<{ value: string }> {
  for (const value of values) yield { value };
}

/** All messages that come. */
export async function read(stream: AsyncIterable<{ readonly value: string }>): Promise<readonly string[]> {
  const values: string[] = [];
  for await (const { value } of stream) values.push(value);
  return values;
}
