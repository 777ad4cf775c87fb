/** DestinationRules of one host that Istio merges, and what of the later ones it drops. Imports the compiler's names. */
import { compareAge } from '../compile/age.ts';
import { resolveShortName } from '../compile/host.ts';
import type { Issue } from '../issue.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import { nameOf, warning } from './finding.ts';

type DestinationRule = ValidResourceOf<'DestinationRule'>;

/**
 * A finding for each subset that an earlier DestinationRule of the same host, namespace and audience has too,
 * and for a policy where the earlier one has one.
 *
 * Source: Istio `pilot/pkg/model/destination_rule.go` (mergeDestinationRule).
 */
export function lintDestinationRules(resources: readonly ValidResource[]): Issue[] {
  const rules = resources
    .filter((each): each is DestinationRule => each.kind === 'DestinationRule')
    .filter(({ spec }) => !spec.workloadSelector)
    .sort((a, b) => compareAge(a.metadata, b.metadata));
  const issues: Issue[] = [];
  for (const group of Map.groupBy(rules, groupKey).values()) {
    let policyOwner: DestinationRule | undefined;
    const subsetOwners = new Map<string, DestinationRule>();
    for (const rule of group) {
      const { trafficPolicy, subsets = [] } = rule.spec;
      if (trafficPolicy && policyOwner) {
        issues.push(
          warning(
            rule,
            ['spec', 'trafficPolicy'],
            'destination-rule-conflict',
            `The trafficPolicy here has no effect: ${nameOf(policyOwner)} comes first for host '${rule.spec.host}' and has one; merge the two`,
          ),
        );
      }
      if (trafficPolicy) policyOwner ??= rule;
      for (const [index, { name }] of subsets.entries()) {
        const owner = subsetOwners.get(name);
        if (owner === undefined) subsetOwners.set(name, rule);
        else if (owner !== rule) {
          issues.push(
            warning(
              rule,
              ['spec', 'subsets', index],
              'destination-rule-conflict',
              `The subset '${name}' here has no effect: ${nameOf(owner)} comes first for host '${rule.spec.host}' and has one of that name; merge the two`,
            ),
          );
        }
      }
    }
  }
  return issues;
}

function groupKey({ metadata: { namespace }, spec }: DestinationRule): string {
  const audience = [...new Set(spec.exportTo ?? [])].sort();
  return [namespace, resolveShortName(spec.host, namespace).toLowerCase(), ...audience].join('\n');
}
