/**
 * Envoy's counters of clusters for Prometheus, under the names and the label that an Istio sidecar's endpoint gives
 * them. What is counted stays in plain numbers until it is read.
 */
import { labelText, writeNumbers } from './exposition.ts';

/** What is known of a cluster, by Envoy's names without their prefix: `upstream_rq_retry`. */
export interface ClusterCounters {
  /** `outbound|80|v1|reviews.default.svc.cluster.local`. */
  readonly name: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
}

/**
 * `envoy_cluster_*{cluster_name="…"}` of each of the clusters, in Prometheus' text.
 *
 * Source: Istio `tools/packaging/common/envoy_bootstrap.json` (stats_tags: cluster_name), Envoy
 * `source/server/admin/prometheus_stats.cc`.
 */
export function exposeClusters(clusters: readonly ClusterCounters[]): string {
  const labelled = clusters.map((each) => ({ ...each, labels: labelText({ cluster_name: each.name }) }));
  return [
    ...Object.entries(COUNTERS).map(([counter, help]) =>
      writeNumbers(
        `envoy_cluster_${counter}`,
        'counter',
        help,
        labelled.map(({ labels, counters }) => [labels, counters[counter] ?? 0]),
      ),
    ),
    ...Object.entries(GAUGES).map(([gauge, help]) =>
      writeNumbers(
        `envoy_cluster_${gauge}`,
        'gauge',
        help,
        labelled.map(({ labels, gauges }) => [labels, gauges[gauge] ?? 0]),
      ),
    ),
  ].join('');
}

const COUNTERS = {
  upstream_rq_total: 'Requests sent, each try and each copy for itself.',
  upstream_rq_retry: 'Retries.',
  upstream_rq_retry_success: 'Retries whose outcome was passed on.',
  upstream_rq_retry_limit_exceeded: 'Requests that had no retry left.',
  upstream_rq_retry_overflow: 'Retries that were not made, as too many were under way.',
  upstream_rq_timeout: "Requests that took longer than their rule's timeout.",
  upstream_rq_per_try_timeout: "Tries that took longer than their rule's perTryTimeout.",
  upstream_rq_rx_reset: 'Tries over HTTP/2 that the endpoint broke off.',
  upstream_rq_tx_reset: 'Tries over HTTP/2 that were given up.',
  upstream_rq_active_overflow: 'Requests that were refused, as too many were under way.',
  upstream_rq_pending_overflow: 'Requests that were refused, as too many waited for a connection.',
  upstream_rq_pending_failure_eject: 'Tries that came to no connection, or over HTTP/2 lost it.',
  upstream_cx_connect_fail: 'Connections that could not be opened.',
  upstream_cx_connect_timeout: 'Connections that took too long to open.',
  upstream_cx_overflow: 'Connections that were not opened, as there were too many.',
  upstream_cx_none_healthy: 'Requests for which there was no healthy endpoint.',
  outlier_detection_ejections_enforced_total: 'Endpoints taken out as outliers.',
  outlier_detection_ejections_overflow: 'Endpoints that stayed in, as too many were out.',
} as const;

const GAUGES = {
  upstream_rq_active: 'Requests under way.',
  membership_total: 'Endpoints.',
  membership_healthy: 'Endpoints that are not taken out.',
  outlier_detection_ejections_active: 'Endpoints that are taken out as outliers.',
} as const;
