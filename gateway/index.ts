/**
 * `pointsman/gateway`: a Hono app that routes by Istio's rules. It compiles them itself, from files, text or a control
 * plane; `pointsman/edge` is the same for rules that were compiled before.
 */

import { certificateSourceOf, type SourceName, sourcesOf } from '../config/named.ts';
import { Gateway, type GatewayOptions as OwnOptions } from './gateway.ts';

export type { SourceName } from '../config/named.ts';
export type { ConfigSource } from '../config/source.ts';
export { textSource } from '../config/text.ts';
export type { Decision, RouteRequest, Router } from '../router/index.ts';
export type { ClusterState } from '../upstream/cluster-state.ts';
export type { GatewayBindings } from './exchange.ts';
export type { AccessLogOptions, TracingOptions } from './exchange-telemetry.ts';
export type { Gateway, ListenOptions } from './gateway.ts';
export type { Listening } from './listener/listening.ts';
export type { InProcessService } from './service.ts';
export type { MetricSink, RequestOutcome } from './telemetry/metric.ts';
export type { FinishedSpan, SpanSink } from './telemetry/span.ts';

/** What a gateway is made of; everything has a default but what it routes to. */
export interface GatewayOptions extends Omit<OwnOptions, 'config'> {
  /** Where rules come from: a path, watched, or any source. Default: no rules, so each service gets its own requests. */
  readonly config?: SourceName | readonly SourceName[];
  /**
   * By what the gateway is known in its mesh: a folder with `cert-chain.pem`, `key.pem` and `root-cert.pem`, or
   * `xds://HOST:PORT?ca=FILE&token=FILE`, the mesh's authority. Default: what `config` gives, as `xds://` with a token does.
   */
  readonly certificates?: string;
}

/**
 * A gateway; see {@link Gateway}. Throws a RangeError for two services in process of one name, and for an access log
 * whose format cannot be read; a TypeError for a `config` that is no source, or a control plane beside other sources.
 */
export function createGateway(options: GatewayOptions = {}): Gateway {
  const { config = [], certificates, ...rest } = options;
  const sources = sourcesOf([config].flat(), options.proxy);
  if (certificates !== undefined) sources.unshift(certificateSourceOf(certificates));
  return new Gateway({ ...rest, config: sources });
}
