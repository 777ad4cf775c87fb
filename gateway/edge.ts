/**
 * `pointsman/edge`: the gateway for rules that `pointsman compile` has made a table of, so that no YAML reader, schema
 * or compiler is in the bundle.
 */
import { tableSource } from '../config/table.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import { Gateway, type GatewayOptions } from './gateway.ts';

export type { GatewayBindings } from './exchange.ts';
export type { Gateway } from './gateway.ts';
export type { InProcessService } from './service.ts';
export type { MetricSink, RequestOutcome } from './telemetry/metric.ts';

/** As a gateway's; but that the table says already on whose behalf requests are routed. */
export interface EdgeGatewayOptions
  extends Omit<GatewayOptions, 'config' | 'proxy' | 'meshConfig' | 'remoteServices'> {
  /** What `pointsman compile` has written. */
  readonly table: RouteTable;
}

/**
 * A gateway over a compiled table; services in process are endpoints of its clusters by host, port and labels. Throws a
 * TypeError for a table of another version's format, else as `pointsman/gateway` does.
 */
export function createGateway({ table, ...options }: EdgeGatewayOptions): Gateway {
  return new Gateway({ ...options, config: tableSource('table', table) });
}
