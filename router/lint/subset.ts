/** Subsets that rules send requests to and no DestinationRule has. Imports the compiler's names. */
import { isSubsetOf, resolveShortName } from '../compile/host.ts';
import type { Issue } from '../issue.ts';
import type { ValidResource, ValidResourceOf } from '../schema/kind.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { HTTPRoute, TCPRoute, VirtualServiceSpec } from '../schema/virtual-service.ts';
import { listed, warning } from './finding.ts';
import type { RuleVerdicts } from './rule.ts';

type DestinationRule = ValidResourceOf<'DestinationRule'>;

interface Named {
  readonly path: FieldPath;
  readonly host: string;
  readonly subset: string;
  /** What becomes of what is sent there. */
  readonly fate: string;
}

/**
 * A finding for each destination and mirror whose subset is nowhere: requests to it are answered with 503, connections
 * closed, copies dropped. Where a host has no DestinationRule, it may be another name of a service that has one.
 *
 * Source: Envoy `source/common/router/router.cc` and `source/common/tcp_proxy/tcp_proxy.cc` (cluster not found).
 */
export function lintSubsets(
  resources: readonly ValidResource[],
  { takenExample }: Pick<RuleVerdicts, 'takenExample'>,
): Issue[] {
  const rules = resources.filter((each): each is DestinationRule => each.kind === 'DestinationRule');
  return resources.flatMap((resource) => {
    if (resource.kind !== 'VirtualService') return [];
    const { namespace } = resource.metadata;
    return namedSubsets(resource.spec).flatMap(({ path, host, subset, fate }): Issue[] => {
      const full = resolveShortName(host, namespace).toLowerCase();
      const ofHost = rules.filter((each) =>
        isSubsetOf(full, resolveShortName(each.spec.host, each.metadata.namespace).toLowerCase()),
      );
      const known = subsetsOf(ofHost);
      if (known.includes(subset)) return [];
      const mayBeAlias =
        ofHost.length === 0 && full.endsWith('.svc.cluster.local') && subsetsOf(rules).includes(subset);
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
          `${fate}${mayBeAlias ? ', unless its host is a Service of type ExternalName' : ''}: no DestinationRule gives '${full}' a subset '${subset}', ${others}; add it, or name another`,
          path[1] === 'http' ? takenExample(resource.metadata, path) : undefined,
        ),
      ];
    });
  });
}

const subsetsOf = (rules: readonly DestinationRule[]): string[] =>
  rules.flatMap(({ spec }) => (spec.subsets ?? []).map(({ name }) => name));

function namedSubsets({ http = [], tls = [], tcp = [] }: VirtualServiceSpec): Named[] {
  return [
    ...http.flatMap((rule, index) => requestSubsets(rule, ['spec', 'http', index])),
    ...tls.flatMap(({ route }, index) => connectionSubsets(route, ['spec', 'tls', index])),
    ...tcp.flatMap(({ route }, index) => connectionSubsets(route, ['spec', 'tcp', index])),
  ];
}

/** Those that connections go to: not with weight 0 beside others. */
function connectionSubsets(route: TCPRoute['route'] = [], base: FieldPath): Named[] {
  return route.flatMap(({ destination, weight }, at): Named[] =>
    destination?.subset && (route.length === 1 || weight)
      ? [
          {
            path: [...base, 'route', at, 'destination'],
            host: destination.host,
            subset: destination.subset,
            fate: 'Connections are closed',
          },
        ]
      : [],
  );
}

/** Those that requests go to: not with weight 0 beside others, behind an abort of all, or a mirror of 0 %. */
function requestSubsets(rule: HTTPRoute, base: FieldPath): Named[] {
  const { fault, mirrorPercentage, mirrorPercent, route = [], mirrors = [] } = rule;
  if (fault?.abort && (fault.abort.percentage?.value ?? 0) >= 100) return [];
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
            fate: at[0] === 'route' ? 'Requests are answered with 503' : 'No copies are sent',
          },
        ]
      : [],
  );
}
