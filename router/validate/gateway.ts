/**
 * Istio's rules for a Gateway: its servers, their hosts, ports and TLS. Imports the rules for names.
 * Source: istio/istio pkg/config/validation/validation.go, ValidateGateway
 */
import type { GatewayServer, GatewaySpec, ServerTLSSettings } from '../schema/gateway.ts';
import type { ResourceMetadata } from '../schema/resource.ts';
import { isIpAddress } from './address.ts';
import { isDnsLabel, wildcardHostProblem } from './name.ts';
import { isHttp, isTls, protocolOf } from './protocol.ts';
import { checkPort } from './quantity.ts';
import { quote, type Spot } from './spot.ts';
import { checkUnixAddress } from './workload-entry.ts';

/** Source: pkg/config/security/security.go, ValidCipherSuites */
const CIPHER_SUITES = new Set([
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA',
  'AES256-SHA',
  'DES-CBC3-SHA',
]);

/** Reports what Istio refuses or warns of in a Gateway. */
export function checkGateway(spec: GatewaySpec, metadata: ResourceMetadata, here: Spot, root: Spot): void {
  // Set by Istio on what it makes of Gateway API gateways.
  const gatewaySemantics = metadata.annotations?.['internal.istio.io/gateway-semantics'] === 'gateway';
  if (!gatewaySemantics && !isDnsLabel(metadata.name)) {
    root
      .at('metadata', 'name')
      .error(
        'metadata',
        `Cannot use ${quote(metadata.name)} as the name of a Gateway: write letters, digits and "-", at most 63, without dots`,
      );
  }
  const servers = spec.servers ?? [];
  if (servers.length === 0) here.error('missing-field', `Expected servers in ${here}, got none`);
  const portNames = new Set<string>();
  for (const [index, server] of servers.entries()) {
    const place = here.at('servers', index);
    checkServer(server, gatewaySemantics, place);
    if (server.port === undefined) continue;
    const name = server.port.name ?? '';
    if (portNames.has(name))
      place
        .at('port', 'name')
        .error('duplicate-port', `Cannot use the port name ${quote(name)} twice in ${here.at('servers')}`);
    portNames.add(name);
    if (server.tls?.httpsRedirect && !isHttp(protocolOf(server.port.protocol))) {
      place
        .at('tls', 'httpsRedirect')
        .warning('tls', `The redirect to HTTPS in ${place} is for HTTP servers`, 'key');
    }
  }
}

function checkServer(server: GatewayServer, gatewaySemantics: boolean, here: Spot): void {
  if ((server.hosts ?? []).length === 0) here.error('missing-field', `Expected hosts in ${here}, got none`);
  for (const [index, host] of (server.hosts ?? []).entries())
    checkServerHost(host, gatewaySemantics, here.at('hosts', index));
  const portRight = checkServerPort(server, here);
  if (server.bind?.startsWith('unix://')) {
    checkUnixAddress(server.bind.slice('unix://'.length), here.at('bind'));
    if (server.port?.number)
      here
        .at('port', 'number')
        .error('port', `Cannot have a port number in ${here} beside a unix socket: write 0`);
  } else if (server.bind && !isIpAddress(server.bind)) {
    here
      .at('bind')
      .error(
        'address',
        `Cannot bind to ${quote(server.bind)} in ${here}: write an IP address or unix:///PATH`,
      );
  }
  checkServerTls(server.tls, here.at('tls'));
  if (!portRight) return;
  const protocol = protocolOf(server.port.protocol);
  if (isTls(protocol)) {
    if (server.tls === undefined)
      here.error('tls', `Expected tls in ${here}, as its protocol is ${server.port.protocol}`);
    return;
  }
  if (server.tls === undefined) return;
  const mode = server.tls.mode ?? 'PASSTHROUGH';
  const passesThrough = mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH';
  if (
    isHttp(protocol) &&
    passesThrough &&
    !server.tls.caCertificates &&
    !server.tls.privateKey &&
    !server.tls.serverCertificate
  )
    return;
  here
    .at('tls')
    .error(
      'tls',
      `Cannot have tls in ${here} while its protocol is ${server.port.protocol}: only httpsRedirect, on HTTP; for TLS use HTTPS or TLS`,
      'key',
    );
}

/** Source: agent.ValidateNamespaceSlashWildcardHostname */
function checkServerHost(host: string, gatewaySemantics: boolean, here: Spot): void {
  const slash = host.indexOf('/');
  const namespace = slash === -1 ? '*' : host.slice(0, slash);
  const name = host.slice(slash + 1);
  const special = namespace === '*' || namespace === '.' || (namespace === '~' && gatewaySemantics);
  if (!special && !isDnsLabel(namespace))
    here.error(
      'host',
      `Cannot serve ${quote(host)} in ${here}: the namespace ${quote(namespace)} is no valid name`,
    );
  if (name !== '*' && !name.includes('.'))
    here.error(
      'host',
      `Cannot serve the short name ${quote(name)} in ${here}: write it in full, such as "${name || 'name'}.example.com"`,
    );
  const problem = wildcardHostProblem(name);
  if (problem !== undefined && !isIpAddress(name))
    here.error('host', `Cannot serve ${quote(name)} in ${here}: ${problem}`);
  if (name.includes('*') && name.length !== 1 && !name.startsWith('*.'))
    here.error(
      'host',
      `Cannot serve ${quote(name)} in ${here}: a wildcard stands for whole labels, as in "*.example.com"`,
    );
}

function checkServerPort(server: GatewayServer, here: Spot): boolean {
  const { port } = server;
  if (port === undefined) {
    here.error('missing-field', `Expected a port in ${here}, got none`);
    return false;
  }
  const place = here.at('port');
  let right = true;
  if (protocolOf(port.protocol) === undefined) {
    place
      .at('protocol')
      .error(
        'protocol',
        `Unknown protocol ${quote(port.protocol ?? '')} in ${place}: write HTTP, HTTPS, GRPC, HTTP2, TLS, TCP, …`,
      );
    right = false;
  }
  const number = port.number ?? 0;
  if (number > 0 || !server.bind?.startsWith('unix://')) {
    checkPort(number, place.at('number'));
    right &&= number >= 1 && number <= 65535;
  }
  if (port.targetPort) {
    place
      .at('targetPort')
      .error('port', `Cannot have targetPort in ${place}: a Gateway has no use for it`, 'key');
    right = false;
  }
  if (!port.name) {
    place.error('missing-field', `Expected a name in ${place}, got nothing`);
    right = false;
  }
  return right;
}

function checkServerTls(tls: ServerTLSSettings | undefined, here: Spot): void {
  if (tls === undefined) return;
  checkCiphers(tls, here);
  const mode = tls.mode ?? 'PASSTHROUGH';
  const certificates = tls.tlsCertificates ?? [];
  const credentials = tls.credentialNames ?? [];
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of [
      'serverCertificate',
      'privateKey',
      'caCertificates',
      'tlsCertificates',
      'credentialName',
      'credentialNames',
    ] as const) {
      if (tls[field] && tls[field].length > 0)
        here
          .at(field)
          .error(
            'tls',
            `Cannot have ${field} in ${here} while mode is ISTIO_MUTUAL: Istio's own certificates are used`,
            'key',
          );
    }
    return;
  }
  const hasOwn =
    Boolean(
      tls.caCrl || tls.serverCertificate || tls.privateKey || tls.caCertificates || tls.credentialName,
    ) ||
    certificates.length > 0 ||
    credentials.length > 0;
  if ((mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') && hasOwn)
    here.warning('tls', `The certificates in ${here} have no effect while mode is ${mode}`);
  const sources = [
    tls.serverCertificate && tls.privateKey,
    tls.credentialName,
    credentials.length > 0,
    certificates.length > 0,
  ].filter(Boolean);
  if (sources.length > 1)
    here.error(
      'exclusive-fields',
      `Cannot have several of credentialName, credentialNames, serverCertificate and tlsCertificates in ${here}: keep one of them`,
    );
  const mutual = mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL';
  if (mode === 'SIMPLE' || mutual) {
    if (tls.credentialName || credentials.length > 0) return;
    if (mutual && !tls.caCertificates)
      here.error('tls', `Expected caCertificates or credentialName in ${here}, as mode is ${mode}`);
    if (certificates.length > 2)
      here.at('tlsCertificates').warning('tls', `Only two certificates are used in ${here}`, 'key');
    const pairs = certificates.length > 0 ? certificates : [tls];
    for (const [index, pair] of pairs.entries()) {
      const place = certificates.length > 0 ? here.at('tlsCertificates', index) : here;
      if (!pair.serverCertificate)
        place.error('tls', `Expected serverCertificate or credentialName in ${place}, as mode is ${mode}`);
      if (!pair.privateKey)
        place.error('tls', `Expected privateKey or credentialName in ${place}, as mode is ${mode}`);
    }
  }
  if (tls.caCrl && tls.credentialName)
    here
      .at('caCrl')
      .error('tls', `Cannot have caCrl beside credentialName in ${here}: put it into the secret`, 'key');
  if (tls.caCrl && mode === 'SIMPLE')
    here
      .at('caCrl')
      .error('tls', `Cannot have caCrl in ${here} while mode is SIMPLE: clients show no certificates`, 'key');
}

function checkCiphers(tls: ServerTLSSettings, here: Spot): void {
  const suites = tls.cipherSuites ?? [];
  const old = tls.minProtocolVersion === 'TLSV1_0' || tls.minProtocolVersion === 'TLSV1_1';
  if (old && suites.length === 0)
    here
      .at('minProtocolVersion')
      .warning('tls', `The versions below TLS 1.2 in ${here} need cipherSuites that fit them`);
  // What begins with an operator is taken as it is.
  const unknown = new Set(
    suites.filter((suite) => /^[\p{L}\p{N}]/u.test(suite) && suite !== 'ALL' && !CIPHER_SUITES.has(suite)),
  );
  if (unknown.size > 0)
    here
      .at('cipherSuites')
      .warning(
        'tls',
        `Unknown cipher suites in ${here}, which are left out: ${[...unknown].map(quote).join(', ')}`,
      );
  const known = suites.filter((suite) => !unknown.has(suite));
  const twice = new Set(known.filter((suite, index) => known.indexOf(suite) !== index));
  if (twice.size > 0)
    here
      .at('cipherSuites')
      .warning('tls', `Cipher suites stand twice in ${here}: ${[...twice].map(quote).join(', ')}`);
}
