/**
 * `pointsman/edge`: the gateway for runtimes with nothing but `fetch`, and for rules that `pointsman compile` has made a
 * table of. No YAML reader, schema or compiler is in the bundle, no socket engine, and what only some want they import.
 */
import { tableFeed } from '../config/table.ts';
import type { RouteTable } from '../router/table/route-table.ts';
import type { ComparisonSink } from '../traffic/compare/comparison.ts';
import type { Telemetry } from './observer.ts';
import { WebGateway, type WebGatewayOptions } from './web-gateway.ts';

export {
  type AccessLogOptions,
  createTelemetry,
  type TelemetryOptions,
  type TracingOptions,
} from './exchange-telemetry.ts';
export { MirrorLog } from './mirror-log.ts';
export type { InProcessService } from './service.ts';
export type { MetricSink, RequestOutcome } from './telemetry/metric.ts';
export type { FinishedSpan, SpanSink } from './telemetry/span.ts';

/** As a gateway's; but that the table says already on whose behalf requests are routed. */
export interface EdgeGatewayOptions extends WebGatewayOptions {
  /** What `pointsman compile` has written. */
  readonly table: RouteTable;
  /** Logs and traces requests: what {@link createTelemetry} has made. Default: neither. */
  readonly telemetry?: Telemetry;
  /** Compares answers of mirrors where a rule asks for it: a {@link MirrorLog}. Default: nobody does. */
  readonly mirrors?: ComparisonSink;
}

/** Routes by a compiled table. */
export interface Gateway {
  /**
   * The answer to a request, as Workers, `Deno.serve` and `Bun.serve` ask for it. It can be taken off and given on, so a
   * Hono app before it is `app.mount('/', gateway.fetch)`.
   */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Closes what is open towards endpoints. */
  stop(): void;
}

/**
 * A gateway over a compiled table; services in process are endpoints of its clusters by host, port and labels, and all
 * other endpoints are asked by `fetch`. Throws a TypeError for a table of another version's format, and a RangeError for
 * two services in process of one name.
 */
export function createGateway({ table, telemetry, mirrors, ...options }: EdgeGatewayOptions): Gateway {
  const feed = tableFeed('table', table);
  if (!mirrors && comparesMirrors(table))
    options.log?.(
      'WARN',
      'The rules ask for mirrors to be compared, and nobody does: give the gateway mirrors: new MirrorLog()',
    );
  const gateway = new WebGateway(options, { feed, telemetry, comparisons: mirrors });
  return {
    async fetch(request) {
      try {
        return await gateway.answer(request, request.body);
      } catch (error) {
        // What is said to a client that has left nobody reads.
        if (request.signal.aborted) return new Response(null, { status: 499 });
        options.log?.('ERROR', `Cannot answer ${request.method} ${request.url}: ${(error as Error).message}`);
        return new Response('Internal Server Error', { status: 500 });
      }
    },
    stop: () => gateway.stop(),
  };
}

function comparesMirrors({ listeners, fallback }: RouteTable): boolean {
  return [...listeners, fallback].some(({ virtualHosts }) =>
    virtualHosts.some(({ routes }) =>
      routes.some(({ action }) => action.kind === 'forward' && action.mirrors.some(({ compare }) => compare)),
    ),
  );
}
