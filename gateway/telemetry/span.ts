/**
 * One span for each sampled request, named and tagged as Envoy does under Istio. Imports the record of a request alone.
 *
 * Source: Envoy `source/common/tracing/http_tracer_impl.cc` (HttpTracerUtility::finalizeDownstreamSpan), as recorded from
 * Envoy 1.40 with its OpenTelemetry tracer; Istio `pilot/pkg/networking/core/tracing.go` (buildServiceTags).
 */
import type { AccessRecord } from './access-record.ts';
import type { TraceContext } from './trace-context.ts';

/** A span that is over. */
export interface FinishedSpan {
  readonly context: TraceContext;
  /** `reviews.default.svc.cluster.local:80/api*`. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** All are texts, as Envoy has them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly isError: boolean;
}

/** Takes spans. Must not throw, nor take its time. */
export interface SpanSink {
  export(span: FinishedSpan): void;
}

/** Longer paths are cut. Source: Envoy's `max_path_tag_length`. */
const MAX_PATH_CHARS = 256;

/** The span of a request. `tags` are those of the gateway itself. */
export function spanOf(
  name: string,
  context: TraceContext,
  record: AccessRecord,
  tags: Readonly<Record<string, string>>,
): FinishedSpan {
  const { startMs, durationMs, status, grpcStatus, cluster, requestHeaders, scheme, authority } = record;
  const isGrpc = grpcStatus !== undefined;
  const isError = status === 0 || status >= 500 || (isGrpc && grpcStatus !== 0);
  const header = (wanted: string) => requestHeaders.find(([each]) => each === wanted)?.[1];
  const path = (record.originalPath ?? record.path).slice(0, MAX_PATH_CHARS);
  return {
    context,
    name,
    startMs,
    endMs: startMs + durationMs,
    isError,
    attributes: {
      'guid:x-request-id': header('x-request-id') ?? '',
      'http.url': `${scheme}://${authority}${path}`,
      'http.method': record.method,
      downstream_cluster: header('x-envoy-downstream-service-cluster') ?? '-',
      user_agent: header('user-agent') ?? '-',
      'http.protocol': record.protocol,
      'peer.address': record.directRemoteAddress?.replace(/:\d+$/, '') ?? '-',
      request_size: `${record.receivedBytes}`,
      response_size: `${record.sentBytes}`,
      component: 'proxy',
      ...(cluster !== undefined && { upstream_cluster: cluster, 'upstream_cluster.name': `${cluster};` }),
      'http.status_code': `${status}`,
      response_flags: record.flag ?? '-',
      ...(isGrpc && {
        'grpc.path': record.path,
        'grpc.authority': authority,
        'grpc.content_type': header('content-type') ?? '',
        'grpc.status_code': `${grpcStatus}`,
      }),
      ...(isError && { error: 'true' }),
      ...tags,
    },
  };
}
