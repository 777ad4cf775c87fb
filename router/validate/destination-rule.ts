/**
 * Istio's rules for a DestinationRule: its host, subsets and selector. Imports the parts' rules.
 * Source: istio/istio pkg/config/validation/validation.go, ValidateDestinationRule
 */
import type { DestinationRuleSpec } from '../schema/destination-rule.ts';
import type { ResourceMetadata } from '../schema/resource.ts';
import { checkSubsetName } from './destination.ts';
import { checkExportTo, checkHost, checkLabels } from './name.ts';
import { quote, type Spot } from './spot.ts';
import { checkTrafficPolicy } from './traffic-policy.ts';

/** Reports what Istio refuses or warns of in a DestinationRule. */
export function checkDestinationRule(
  spec: DestinationRuleSpec,
  metadata: ResourceMetadata,
  here: Spot,
): void {
  if (!spec.host) here.at('host').error('missing-field', `Expected a host in ${here}, got nothing`);
  else checkHost(spec.host, here.at('host'));
  checkTrafficPolicy(spec.trafficPolicy, metadata.namespace, here.at('trafficPolicy'));
  const names = new Set<string>();
  for (const [index, subset] of (spec.subsets ?? []).entries()) {
    const place = here.at('subsets', index);
    const name = subset.name ?? '';
    if (names.has(name))
      place
        .at('name')
        .error(
          'duplicate-subset',
          `Cannot use the subset name ${quote(name)} twice in ${here.at('subsets')}: give each its own`,
        );
    names.add(name);
    checkSubsetName(name, place.at('name'));
    checkLabels(subset.labels, place.at('labels'));
    checkTrafficPolicy(subset.trafficPolicy, metadata.namespace, place.at('trafficPolicy').withoutWarnings());
  }
  const selector = spec.workloadSelector;
  checkExportTo(spec.exportTo, metadata.namespace, here.at('exportTo'), {
    withSelector: selector !== undefined,
  });
  if (selector !== undefined) checkSelector(selector.matchLabels, here.at('workloadSelector', 'matchLabels'));
}

/** Reports wildcards in a workload selector, and warns of one without labels. */
export function checkSelector(labels: Readonly<Record<string, string>> | undefined, here: Spot): void {
  const entries = Object.entries(labels ?? {});
  for (const [key, value] of entries) {
    const place = here.at(key);
    if (key === '')
      place.error('selector', `Cannot select workloads by a label without key in ${here}`, 'key');
    if (key.includes('*') || value.includes('*'))
      place.error(
        'selector',
        `Cannot use a wildcard in ${here}: ${quote(`${key}=${value}`)} is compared as it stands`,
      );
  }
  if (entries.length === 0)
    here.warning('selector', `The selector in ${here} has no labels: it applies to every workload`);
}
