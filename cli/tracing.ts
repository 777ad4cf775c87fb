/** The traces that the command line or OpenTelemetry's environment asks for. */
import type { TracingOptions } from '../gateway/index.ts';
import { canonicalOf, type IstioSource } from '../gateway/telemetry/istio-request.ts';
import { usageFailure } from './failure.ts';
import type { Log } from './log.ts';

/** See the fields; both are options of the commands. */
export interface TracingFlags {
  /** URL of the collector. */
  readonly otlp?: string;
  readonly traceSampling?: number;
}

/** An exporter at work. */
export interface OpenTracing {
  readonly options: TracingOptions;
  /** Resolves when all spans are sent, or cannot be. */
  close(): Promise<void>;
}

/** Undefined where none are asked for. Throws a CommandFailure for a URL that is none. */
export async function openTracing(
  { otlp, traceSampling }: TracingFlags,
  source: IstioSource,
  log: Log,
): Promise<OpenTracing | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SERVICE_NAME } = process.env;
  if (!otlp && !OTEL_EXPORTER_OTLP_ENDPOINT && !OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) {
    if (traceSampling === undefined) return undefined;
    throw usageFailure('Cannot tell where spans go: give --otlp, for example --otlp http://localhost:4318');
  }
  if (otlp !== undefined && !/^https?:$/.test(URL.parse(otlp)?.protocol ?? ''))
    throw usageFailure(`Cannot send spans to "${otlp}": write a URL like http://localhost:4318`);
  const { namespace = 'default', labels = {}, workload, cluster } = source;
  const { service, revision } = canonicalOf(labels, workload);
  const { createOtlpExporter } = await import('../gateway/telemetry/otlp.ts');
  const exporter = await createOtlpExporter({
    ...(otlp !== undefined && { url: otlp }),
    // As Istio calls its proxies.
    serviceName: OTEL_SERVICE_NAME || (service === 'unknown' ? 'pointsman' : `${service}.${namespace}`),
    warn: (message) => log('WARN', message),
  });
  return {
    options: {
      sink: exporter,
      ...(traceSampling !== undefined && { samplingPercent: traceSampling }),
      tags: {
        node_id: workload ?? 'pointsman',
        'istio.canonical_revision': revision,
        'istio.canonical_service': service,
        'istio.namespace': namespace,
        'istio.cluster_id': cluster ?? 'unknown',
      },
    },
    close: () => exporter.close(),
  };
}
