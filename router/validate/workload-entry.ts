/**
 * Istio's rules for one endpoint, as WorkloadEntry or inside a ServiceEntry. Imports the rules for names.
 * Source: istio/istio pkg/config/validation/validation.go, validateWorkloadEntry
 */
import type { WorkloadEntrySpec } from '../schema/workload-entry.ts';
import { isIpAddress } from './address.ts';
import { checkLabels, fqdnProblem, isDnsLabel } from './name.ts';
import { checkPort } from './quantity.ts';
import { quote, type Spot } from './spot.ts';

/** What the ServiceEntry around an endpoint allows. */
export interface EndpointContext {
  /** Names of the ServiceEntry's ports; absent for a WorkloadEntry of its own. */
  readonly servicePorts?: ReadonlySet<string>;
  readonly namesAllowed: boolean;
}

/** Reports what Istio refuses or warns of in an endpoint. */
export function checkWorkloadEntry(entry: WorkloadEntrySpec, context: EndpointContext, here: Spot): void {
  const address = entry.address ?? '';
  if (address === '') {
    if (!entry.network) {
      here.error('missing-field', `Expected an address in ${here}, got nothing`);
      return;
    }
    here.warning(
      'endpoint',
      `The endpoint in ${here} has no address, only the network ${quote(entry.network)}`,
    );
  }
  const unix = address.startsWith('unix://');
  if (unix) {
    checkUnixAddress(address.slice('unix://'.length), here.at('address'));
    if (Object.keys(entry.ports ?? {}).length > 0)
      here.at('ports').error('endpoint', `Cannot have ports in ${here}: a unix socket has none`, 'key');
    if (context.servicePorts !== undefined && context.servicePorts.size !== 1)
      here.error('endpoint', `Cannot serve several ports by a unix socket in ${here}: keep one port`);
  } else if (address !== '' && !isIpAddress(address)) {
    const problem = context.namesAllowed
      ? fqdnProblem(address)
      : 'resolution STATIC needs an IP address; for names use DNS';
    if (problem !== undefined)
      here.at('address').error('address', `Cannot use ${quote(address)} as address in ${here}: ${problem}`);
  }
  checkEndpointPorts(entry, context.servicePorts, here);
  checkLabels(entry.labels, here.at('labels'));
}

/** Reports an endpoint's ports with wrong names or numbers, or that its ServiceEntry does not have. */
export function checkEndpointPorts(
  entry: WorkloadEntrySpec,
  servicePorts: ReadonlySet<string> | undefined,
  here: Spot,
): void {
  for (const [name, port] of Object.entries(entry.ports ?? {})) {
    const place = here.at('ports', name);
    if (servicePorts !== undefined && !servicePorts.has(name))
      place.error(
        'endpoint',
        `Cannot map the port ${quote(name)} in ${here}: the ServiceEntry has no port of this name`,
        'key',
      );
    checkPortName(name, place);
    checkPort(port, place);
  }
}

/** Reports the name of a port that is not valid. */
export function checkPortName(name: string, here: Spot): void {
  if (name === '') here.error('missing-field', `Expected a name in ${here}, got nothing`);
  else if (!isDnsLabel(name))
    here.error(
      'port-name',
      `Cannot use ${quote(name)} as the name of a port in ${here}: write letters, digits and "-", at most 63`,
    );
}

/** Reports the path of a unix socket that is not absolute; `@` begins an abstract name. */
export function checkUnixAddress(path: string, here: Spot): void {
  if (path.startsWith('@') || (path.startsWith('/') && !path.endsWith('/'))) return;
  here.error(
    'address',
    `Cannot use ${quote(`unix://${path}`)} in ${here}: write an absolute path to a socket`,
  );
}
