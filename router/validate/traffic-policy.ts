/**
 * Istio's rules for a traffic policy: connection pool, outlier detection, TLS, tunnel, ports. Imports the
 * schema's types and the rules for numbers, names and load balancers.
 * Source: istio/istio pkg/config/validation/validation.go, validateTrafficPolicy; agent.ValidateTLS
 */
import type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicySpec,
} from '../schema/destination-rule.ts';
import { parseDuration } from '../schema/duration.ts';
import { checkLoadBalancer } from './load-balancer.ts';
import { isHostOrAddress } from './name.ts';
import { checkDuration, checkNotNegative, checkPercent, checkPort } from './quantity.ts';
import { quote, type Spot } from './spot.ts';

/** Reports what Istio refuses or warns of in a traffic policy. */
export function checkTrafficPolicy(
  policy: TrafficPolicySpec | undefined,
  namespace: string,
  here: Spot,
): void {
  if (policy === undefined) return;
  const set = Object.values(policy).some(
    (value) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  if (!set) {
    here.error('traffic-policy', `Expected a setting in ${here}, got none`);
    return;
  }
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined) {
    here.error('exclusive-fields', `Cannot have tunnel beside proxyProtocol in ${here}: keep one of them`);
    return;
  }
  checkSettings(policy, namespace, here);
  for (const [index, port] of (policy.portLevelSettings ?? []).entries())
    checkPortPolicy(port, namespace, here.at('portLevelSettings', index).withoutWarnings());
  checkTunnel(policy.tunnel, here.at('tunnel'));
  const version = policy.proxyProtocol?.version;
  if (version !== undefined && version !== 'V1' && version !== 'V2')
    here
      .at('proxyProtocol', 'version')
      .error(
        'unknown-value',
        `Unknown version ${quote(version)} in ${here.at('proxyProtocol')}: write V1 or V2`,
      );
}

function checkPortPolicy(policy: PortTrafficPolicy, namespace: string, here: Spot): void {
  if (policy.port === undefined) here.error('missing-field', `Expected a port in ${here}, got none`);
  const { port: _, ...settings } = policy;
  if (Object.keys(settings).length === 0)
    here.error('traffic-policy', `Expected a setting in ${here}, got none but the port`);
  else checkSettings(policy, namespace, here);
}

function checkSettings(policy: PortTrafficPolicy | TrafficPolicySpec, namespace: string, here: Spot): void {
  checkOutlierDetection(policy.outlierDetection, here.at('outlierDetection'));
  checkConnectionPool(policy.connectionPool, here.at('connectionPool'));
  checkLoadBalancer(policy.loadBalancer, policy.outlierDetection !== undefined, here.at('loadBalancer'));
  checkClientTls(policy.tls, namespace, here.at('tls'));
}

function checkOutlierDetection(outlier: OutlierDetection | undefined, here: Spot): void {
  if (outlier === undefined) return;
  checkDuration(outlier.baseEjectionTime, here.at('baseEjectionTime'));
  if (outlier.consecutiveErrors)
    here
      .at('consecutiveErrors')
      .warning(
        'deprecated',
        'The field consecutiveErrors is deprecated: use consecutive5xxErrors or consecutiveGatewayErrors',
        'key',
      );
  if (!outlier.splitExternalLocalOriginErrors && (outlier.consecutiveLocalOriginFailures ?? 0) > 0) {
    here
      .at('consecutiveLocalOriginFailures')
      .error(
        'outlier-detection',
        `Cannot count local failures in ${here}: set splitExternalLocalOriginErrors too`,
      );
  }
  checkDuration(outlier.interval, here.at('interval'));
  checkPercent(outlier.maxEjectionPercent, here.at('maxEjectionPercent'));
  checkPercent(outlier.minHealthPercent, here.at('minHealthPercent'));
}

function checkConnectionPool(pool: ConnectionPoolSettings | undefined, here: Spot): void {
  if (pool === undefined) return;
  if (pool.http === undefined && pool.tcp === undefined) {
    here.error('connection-pool', `Expected http or tcp in ${here}, got none`);
    return;
  }
  if (pool.http !== undefined) {
    const { http } = pool;
    const place = here.at('http');
    for (const field of [
      'http1MaxPendingRequests',
      'http2MaxRequests',
      'maxRequestsPerConnection',
      'maxRetries',
      'maxConcurrentStreams',
    ] as const) {
      checkNotNegative(http[field], place.at(field), 'connection-pool');
    }
    checkDuration(http.idleTimeout, place.at('idleTimeout'));
    if (http.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol) {
      place
        .at('useClientProtocol')
        .error(
          'connection-pool',
          `Cannot keep the client's protocol in ${place} while h2UpgradePolicy is UPGRADE: keep one of them`,
        );
    }
    if (http.http2KeepAlive !== undefined) {
      for (const field of ['interval', 'timeout'] as const) {
        const keepAlive = place.at('http2KeepAlive');
        if (http.http2KeepAlive[field] === undefined)
          keepAlive.error('missing-field', `Expected ${field} in ${keepAlive}, got none`);
        checkDuration(http.http2KeepAlive[field], keepAlive.at(field));
      }
    }
  }
  if (pool.tcp !== undefined) {
    const { tcp } = pool;
    const place = here.at('tcp');
    checkNotNegative(tcp.maxConnections, place.at('maxConnections'), 'connection-pool');
    checkDuration(tcp.connectTimeout, place.at('connectTimeout'));
    checkDuration(tcp.maxConnectionDuration, place.at('maxConnectionDuration'));
    // Zero, fractions of a millisecond cut off, turns the timeout off.
    const idle = tcp.idleTimeout === undefined ? 0n : (parseDuration(tcp.idleTimeout) ?? 0n) / 1_000_000n;
    if (idle !== 0n) checkDuration(tcp.idleTimeout, place.at('idleTimeout'));
    checkDuration(tcp.tcpKeepalive?.time, place.at('tcpKeepalive', 'time'));
    checkDuration(tcp.tcpKeepalive?.interval, place.at('tcpKeepalive', 'interval'));
  }
}

function checkTunnel(tunnel: TrafficPolicySpec['tunnel'], here: Spot): void {
  if (tunnel === undefined) return;
  if (tunnel.protocol && tunnel.protocol !== 'CONNECT' && tunnel.protocol !== 'POST') {
    here
      .at('protocol')
      .error('tunnel', `Cannot tunnel by ${quote(tunnel.protocol)} in ${here}: write "CONNECT" or "POST"`);
  }
  if (!isHostOrAddress(tunnel.targetHost ?? ''))
    here
      .at('targetHost')
      .error(
        'tunnel',
        `Cannot tunnel to ${quote(tunnel.targetHost ?? '')} in ${here}: write a domain name or an IP address`,
      );
  checkPort(tunnel.targetPort ?? 0, here.at('targetPort'));
}

function checkClientTls(tls: ClientTLSSettings | undefined, namespace: string, here: Spot): void {
  if (tls === undefined) return;
  const simple = (tls.mode ?? 'DISABLE') === 'SIMPLE';
  const mutual = tls.mode === 'MUTUAL';
  const credential = tls.credentialName ?? '';
  if (credential.startsWith('configmap://')) {
    const [owner = '', name] = credential.slice('configmap://'.length).split('/');
    if (!owner || !name || owner !== namespace) {
      here
        .at('credentialName')
        .error(
          'tls',
          `Cannot use ${quote(credential)} in ${here}: write configmap://${namespace}/NAME, in the resource's own namespace`,
        );
    }
  }
  const names = (tls.subjectAltNames?.length ?? 0) > 0;
  if (
    tls.insecureSkipVerify &&
    ((simple && (tls.caCertificates || credential || names)) || (mutual && (tls.caCertificates || names)))
  ) {
    const excluded = simple
      ? 'caCertificates, credentialName and subjectAltNames'
      : 'caCertificates and subjectAltNames';
    here.error(
      'tls',
      `Cannot verify nothing (insecureSkipVerify) in ${here} beside what to verify: leave out ${excluded}`,
    );
  }
  if ((simple || mutual) && credential !== '') {
    if (tls.clientCertificate || tls.caCertificates || tls.privateKey || tls.caCrl) {
      here.error('tls', `Cannot have certificate files beside credentialName in ${here}: keep one of them`);
    }
    return;
  }
  if (mutual && !tls.clientCertificate)
    here.error('tls', `Expected clientCertificate or credentialName in ${here}, as mode is MUTUAL`);
  if (mutual && !tls.privateKey)
    here.error('tls', `Expected privateKey or credentialName in ${here}, as mode is MUTUAL`);
}
