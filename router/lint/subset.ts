/** Subsets that rules send requests to and no DestinationRule has. Imports the compiler's names. */
import { isSubsetOf, resolveShortName } from '../compile/host.ts';
import type { Issue } from '../issue.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { HTTPRoute } from '../schema/virtual-service.ts';
import { listed, warning } from './finding.ts';
import type { RuleVerdicts } from './rule.ts';

type DestinationRule = ValidResourceOf<'DestinationRule'>;

interface Named {
  readonly path: FieldPath;
  readonly host: string;
  readonly subset: string;
  readonly isMirror: boolean;
}

/**
 * A finding for each destination and mirror whose subset is nowhere: requests to it are answered with 503, copies dropped.
 *
 * Source: Envoy `source/common/router/router.cc` (cluster not found).
 */
export function lintSubsets(
  resources: readonly ValidResource[],
  { takenExample }: Pick<RuleVerdicts, 'takenExample'>,
): Issue[] {
  const rules = resources.filter((each): each is DestinationRule => each.kind === 'DestinationRule');
  return resources.flatMap((resource) => {
    if (resource.kind !== 'VirtualService') return [];
    const { namespace } = resource.metadata;
    return (resource.spec.http ?? []).flatMap((rule, index) =>
      namedSubsets(rule, index).flatMap(({ path, host, subset, isMirror }): Issue[] => {
        const full = resolveShortName(host, namespace).toLowerCase();
        const ofHost = rules.filter((each) =>
          isSubsetOf(full, resolveShortName(each.spec.host, each.metadata.namespace).toLowerCase()),
        );
        const known = ofHost.flatMap(({ spec }) => (spec.subsets ?? []).map(({ name }) => name));
        if (known.includes(subset)) return [];
        const others =
          ofHost.length === 0
            ? 'there is no DestinationRule for it here'
            : known.length === 0
              ? 'its DestinationRule has no subsets'
              : `there are ${listed([...new Set(known)].map((name) => `'${name}'`))}`;
        return [
          warning(
            resource,
            [...path, 'subset'],
            'subset-missing',
            `${isMirror ? 'No copies are sent' : 'Requests are answered with 503'}: no DestinationRule gives '${full}' a subset '${subset}', ${others}; add it, or name another`,
            takenExample(resource.metadata, path),
          ),
        ];
      }),
    );
  });
}

/** Those that requests go to: not with weight 0 beside others, behind an abort of all, or a mirror of 0 %. */
function namedSubsets(rule: HTTPRoute, index: number): Named[] {
  const { fault, mirrorPercentage, mirrorPercent, route = [], mirrors = [] } = rule;
  if (fault?.abort && (fault.abort.percentage?.value ?? 0) >= 100) return [];
  const base: FieldPath = ['spec', 'http', index];
  const isMirrored = mirrorPercentage ? (mirrorPercentage.value ?? 0) > 0 : mirrorPercent !== 0;
  const all = [
    ...route.flatMap(({ destination, weight }, at) =>
      route.length > 1 && !weight ? [] : [{ destination, at: ['route', at, 'destination'] }],
    ),
    ...(rule.mirror && isMirrored ? [{ destination: rule.mirror, at: ['mirror'] }] : []),
    ...mirrors.flatMap(({ destination, percentage }, at) =>
      percentage && !percentage.value ? [] : [{ destination, at: ['mirrors', at, 'destination'] }],
    ),
  ];
  return all.flatMap(({ destination, at }) =>
    destination?.subset
      ? [
          {
            path: [...base, ...at],
            host: destination.host,
            subset: destination.subset,
            isMirror: at[0] !== 'route',
          },
        ]
      : [],
  );
}
