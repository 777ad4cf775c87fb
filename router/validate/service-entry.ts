/**
 * Istio's rules for a ServiceEntry: hosts, ports, and what each resolution allows. Imports the parts' rules.
 * Source: istio/istio pkg/config/validation/validation.go, ValidateServiceEntry
 */
import type { ResourceMetadata } from '../schema/resource.ts';
import type { ServiceEntrySpec } from '../schema/service-entry.ts';
import { isIpAddressOrRange } from './address.ts';
import { checkSelector } from './destination-rule.ts';
import { checkExportTo, checkHost, checkLabels, fqdnProblem, isHostOrAddress } from './name.ts';
import { isHttp, isTcp, isTls, protocolOf } from './protocol.ts';
import { checkPort } from './quantity.ts';
import { quote, type Spot } from './spot.ts';
import { checkEndpointPorts, checkPortName, checkWorkloadEntry } from './workload-entry.ts';

/** Reports what Istio refuses or warns of in a ServiceEntry. */
export function checkServiceEntry(spec: ServiceEntrySpec, metadata: ResourceMetadata, here: Spot): void {
  const hosts = spec.hosts ?? [];
  const resolution = spec.resolution ?? 'NONE';
  if (spec.workloadSelector !== undefined) {
    checkSelector(spec.workloadSelector.labels, here.at('workloadSelector', 'labels'));
    if (spec.endpoints?.length)
      here
        .at('endpoints')
        .error(
          'exclusive-fields',
          `Cannot have endpoints beside workloadSelector in ${here}: keep one of them`,
          'key',
        );
  }
  if (hosts.length === 0) here.error('missing-field', `Expected hosts in ${here}, got none`);
  for (const [index, host] of hosts.entries()) {
    const place = here.at('hosts', index);
    if (host === '*') {
      place.error('host', `Cannot use "*" as host in ${place}: name the hosts`);
      continue;
    }
    checkHost(host, place);
    const partial = host.includes('*') && !host.startsWith('*.');
    if (partial && resolution !== 'DYNAMIC_DNS')
      place.warning(
        'host',
        `The wildcard in ${quote(host)} stands for part of a label: write "*." before a whole one`,
      );
  }
  checkAddresses(spec, resolution, here);
  const ports = checkPorts(spec, metadata, here);
  checkResolution(spec, metadata, resolution, ports, here);
  if (resolution !== 'NONE' && hosts.length > 1) {
    const port = (spec.ports ?? []).findIndex(
      ({ protocol }) => !isHttp(protocolOf(protocol)) && !isTls(protocolOf(protocol)),
    );
    if (port !== -1)
      here
        .at('ports', port)
        .error(
          'resolution',
          `Cannot tell several hosts apart on ${here.at('ports', port)}: its protocol is neither HTTP nor TLS`,
        );
  }
  checkExportTo(spec.exportTo, metadata.namespace, here.at('exportTo'), { serviceEntry: true });
}

function checkAddresses(spec: ServiceEntrySpec, resolution: string, here: Spot): void {
  const addresses = spec.addresses ?? [];
  for (const [index, address] of addresses.entries()) {
    const place = here.at('addresses', index);
    if (!isIpAddressOrRange(address))
      place.error(
        'address',
        `Cannot use ${quote(address)} in ${place}: write an IP address or a range such as "10.0.0.0/8"`,
      );
  }
  if (
    addresses.some((address) => address.includes('/')) &&
    resolution !== 'NONE' &&
    resolution !== 'STATIC'
  ) {
    here
      .at('addresses')
      .error(
        'resolution',
        `Cannot have a range in ${here.at('addresses')} while resolution is ${resolution}: only NONE and STATIC allow it`,
      );
  }
}

/** Returns the names of the ports. */
function checkPorts(spec: ServiceEntrySpec, metadata: ResourceMetadata, here: Spot): Set<string> {
  const names = new Set<string>();
  const numbers = new Set<number>();
  const allocated =
    spec.resolution !== undefined &&
    spec.resolution !== 'NONE' &&
    metadata.labels?.['networking.istio.io/enable-autoallocate-ip']?.toUpperCase() !== 'FALSE';
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const place = here.at('ports', index);
    const name = port.name ?? '';
    const number = port.number ?? 0;
    if (names.has(name))
      place
        .at('name')
        .error('duplicate-port', `Cannot use the port name ${quote(name)} twice in ${here.at('ports')}`);
    if (numbers.has(number))
      place
        .at('number')
        .error('duplicate-port', `Cannot use the port ${number} twice in ${here.at('ports')}`);
    names.add(name);
    numbers.add(number);
    if (port.targetPort) checkPort(port.targetPort, place.at('targetPort'));
    if (!spec.addresses?.length && !allocated && (!port.protocol || port.protocol === 'TCP')) {
      place.warning(
        'resolution',
        `The port in ${place} serves TCP, which without addresses cannot be told from other services: add addresses, or a protocol`,
      );
    }
    checkPortName(name, place.at('name'));
    if (port.protocol && protocolOf(port.protocol) === undefined) {
      place
        .at('protocol')
        .error(
          'protocol',
          `Unknown protocol ${quote(port.protocol)} in ${place}: write HTTP, HTTP2, GRPC, HTTPS, TLS, TCP, …`,
        );
    }
    checkPort(number, place.at('number'));
  }
  return names;
}

function checkResolution(
  spec: ServiceEntrySpec,
  metadata: ResourceMetadata,
  resolution: string,
  ports: ReadonlySet<string>,
  here: Spot,
): void {
  const hosts = spec.hosts ?? [];
  const endpoints = spec.endpoints ?? [];
  const place = here.at('endpoints');
  switch (resolution) {
    case 'NONE':
      if (endpoints.length > 0)
        place.error(
          'resolution',
          `Cannot have endpoints in ${here} while resolution is NONE: use STATIC or DNS`,
          'key',
        );
      if (spec.workloadSelector !== undefined)
        here
          .at('workloadSelector')
          .warning('resolution', `The selector in ${here} has no effect while resolution is NONE`, 'key');
      return;
    case 'STATIC':
      for (const [index, endpoint] of endpoints.entries())
        checkWorkloadEntry(endpoint, { servicePorts: ports, namesAllowed: false }, place.at(index));
      return;
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      checkDns(spec, resolution, ports, here);
      return;
    case 'DYNAMIC_DNS':
      if (hosts.length === 0)
        here.error('resolution', `Expected a wildcard host in ${here}, as resolution is DYNAMIC_DNS`);
      for (const [index, host] of hosts.entries()) {
        if (!host.startsWith('*'))
          here
            .at('hosts', index)
            .error(
              'resolution',
              `Cannot use ${quote(host)} in ${here} while resolution is DYNAMIC_DNS: write a wildcard, or use DNS`,
            );
      }
      if (spec.addresses?.length)
        here
          .at('addresses')
          .error('resolution', `Cannot have addresses in ${here} while resolution is DYNAMIC_DNS`, 'key');
      if (endpoints.length > 0)
        place.error('resolution', `Cannot have endpoints in ${here} while resolution is DYNAMIC_DNS`, 'key');
      for (const [index, port] of (spec.ports ?? []).entries()) {
        if (['http', 'http2', 'grpc', 'tls'].includes(protocolOf(port.protocol) ?? '')) continue;
        here
          .at('ports', index)
          .error(
            'resolution',
            `Cannot serve this protocol in ${here.at('ports', index)} while resolution is DYNAMIC_DNS: write HTTP, HTTP2, GRPC or TLS`,
          );
      }
      checkDynamicLocation(spec, metadata, here);
      return;
    default:
      here.at('resolution').error('unknown-value', `Unknown resolution ${quote(resolution)} in ${here}`);
  }
}

function checkDns(spec: ServiceEntrySpec, resolution: string, ports: ReadonlySet<string>, here: Spot): void {
  const endpoints = spec.endpoints ?? [];
  if (endpoints.length === 0) {
    const index = (spec.hosts ?? []).findIndex((host) => fqdnProblem(host) !== undefined);
    if (index !== -1)
      here
        .at('hosts', index)
        .error(
          'resolution',
          `Cannot resolve ${quote(spec.hosts[index]!)} in ${here} by DNS: give endpoints, or name the hosts in full`,
        );
  }
  if (resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    here
      .at('endpoints')
      .error(
        'resolution',
        `Cannot have several endpoints in ${here} while resolution is DNS_ROUND_ROBIN: use DNS`,
        'key',
      );
  for (const [index, endpoint] of endpoints.entries()) {
    const place = here.at('endpoints', index);
    const address = endpoint.address ?? '';
    if (!isHostOrAddress(address))
      place
        .at('address')
        .error(
          'address',
          `Cannot use ${quote(address)} as address in ${place}: write a domain name or an IP address`,
        );
    checkLabels(endpoint.labels, place.at('labels'));
    checkEndpointPorts(endpoint, ports, place);
  }
  const severalByAddress = (spec.addresses?.length ?? 0) > 0 && (spec.hosts ?? []).length > 1;
  if (severalByAddress && (spec.ports ?? []).some(({ protocol }) => isTcp(protocolOf(protocol)))) {
    here
      .at('hosts')
      .warning(
        'resolution',
        `The hosts in ${here} share their addresses: on a TCP port they cannot be told apart`,
        'key',
      );
  }
}

function checkDynamicLocation(spec: ServiceEntrySpec, metadata: ResourceMetadata, here: Spot): void {
  const location = spec.location ?? 'MESH_EXTERNAL';
  if (location !== 'MESH_EXTERNAL' && location !== 'MESH_INTERNAL')
    here.at('location').error('unknown-value', `Unknown location ${quote(location)} in ${here}`);
  const waypoint = metadata.labels?.['istio.io/use-waypoint'];
  if (location === 'MESH_INTERNAL' && waypoint && waypoint.toUpperCase() !== 'NONE') {
    here
      .at('location')
      .error(
        'resolution',
        `Cannot be MESH_INTERNAL in ${here} with a waypoint while resolution is DYNAMIC_DNS`,
      );
  }
}
