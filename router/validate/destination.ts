/** Destinations of routes and mirrors. Imports the place. Source: istio/istio pkg/config/validation/validation.go, validateDestination */
import type { DestinationSpec } from '../schema/destination.ts';
import { checkHost, isDnsLabel } from './name.ts';
import { checkPort } from './quantity.ts';
import { quote, type Spot } from './spot.ts';

/** Reports a destination without or with a wrong host, subset or port. */
export function checkDestination(destination: DestinationSpec | undefined, here: Spot): void {
  if (destination === undefined) return;
  const host = destination.host ?? '';
  if (host === '*') here.at('host').error('host', `Cannot send requests to "*" in ${here}: name one host`);
  else if (host === '') here.at('host').error('missing-field', `Expected a host in ${here}, got nothing`);
  else checkHost(host, here.at('host'));
  if (destination.subset) checkSubsetName(destination.subset, here.at('subset'));
  if (destination.port !== undefined) checkPort(destination.port.number ?? 0, here.at('port', 'number'));
}

/** Reports a name that no subset can have. */
export function checkSubsetName(name: string, here: Spot): void {
  if (name === '') here.error('missing-field', `Expected a name in ${here}, got nothing`);
  else if (!isDnsLabel(name))
    here.error(
      'subset-name',
      `Cannot use ${quote(name)} as the name of a subset in ${here}: write letters, digits and "-", at most 63`,
    );
}
