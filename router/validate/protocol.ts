/** Istio's names of protocols. Imports nothing. Source: istio/istio pkg/config/protocol/instance.go */

/** A protocol by its name in any letter case. */
export type Protocol =
  | 'tcp'
  | 'udp'
  | 'grpc'
  | 'grpc-web'
  | 'http'
  | 'http_proxy'
  | 'http2'
  | 'https'
  | 'tls'
  | 'mongo'
  | 'redis'
  | 'mysql';

const ALL: readonly Protocol[] = [
  'tcp',
  'udp',
  'grpc',
  'grpc-web',
  'http',
  'http_proxy',
  'http2',
  'https',
  'tls',
  'mongo',
  'redis',
  'mysql',
];

/** Undefined for a name that Istio does not know. */
export function protocolOf(name: string | undefined): Protocol | undefined {
  const lower = (name ?? '').toLowerCase();
  return ALL.find((protocol) => protocol === lower);
}

/** True for what carries HTTP in the clear. */
export function isHttp(protocol: Protocol | undefined): boolean {
  return (
    protocol === 'http' ||
    protocol === 'http2' ||
    protocol === 'http_proxy' ||
    protocol === 'grpc' ||
    protocol === 'grpc-web'
  );
}

/** True for what begins with a TLS handshake. */
export function isTls(protocol: Protocol | undefined): boolean {
  return protocol === 'https' || protocol === 'tls';
}

/** True for what is carried as bytes. */
export function isTcp(protocol: Protocol | undefined): boolean {
  return protocol !== undefined && !isHttp(protocol) && protocol !== 'udp';
}
