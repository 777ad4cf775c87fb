/** What is kept of Istio's resources in a cluster: the rules that are valid, and why the others are not. */
import { isDeepStrictEqual } from 'node:util';
import { checkOne, type Issue, resourceKey, type ValidResource } from '../../router/index.ts';
import { API_GROUP, API_VERSIONS, type Kind } from '../../router/schema/kind.ts';
import type { SourceSnapshot } from '../source.ts';
import type { KubernetesObject, ReflectedKind, Reflector } from './reflector.ts';

/** One resource, checked. */
export interface KeptRule {
  /** `KIND/NAMESPACE/NAME`. */
  readonly key: string;
  /** Absent: refused. */
  readonly valid?: ValidResource;
  readonly issues: readonly Issue[];
}

/** All of a snapshot but services, which change far more often. */
export type Rules = Omit<SourceSnapshot, 'services'>;

interface IstioObject extends KubernetesObject {
  readonly apiVersion?: string;
  readonly spec?: unknown;
}

/** kubectl's copy of the whole object, as large as itself. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** What a cluster has taken is read as it was meant: a field that is not known is a warning. */
function ruleKind(kind: Kind, resource: string): ReflectedKind<KeptRule> {
  return {
    kind,
    resource,
    apis: API_VERSIONS.map((version) => `/apis/${API_GROUP}/${version}`),
    isOptional: true,
    keep(object) {
      const { metadata, spec = {}, apiVersion = `${API_GROUP}/v1` } = object as IstioObject;
      const { name, namespace = 'default', labels, creationTimestamp } = metadata;
      const { [LAST_APPLIED]: _, ...annotations } = metadata.annotations ?? {};
      const { resource, valid, issues } = checkOne(
        {
          apiVersion,
          kind,
          metadata: {
            name,
            namespace,
            ...(labels && { labels }),
            ...(Object.keys(annotations).length > 0 && { annotations }),
            ...(creationTimestamp !== undefined && { creationTimestamp }),
          },
          spec,
        },
        { unknownFields: 'warning' },
      );
      return { key: resourceKey(resource), ...(valid && { valid }), issues };
    },
    // A status that somebody writes changes the object and no rule.
    isSame: (before, after) => isDeepStrictEqual(before, after),
  };
}

/** The kinds that decide where requests go. */
export const RULE_KINDS: readonly ReflectedKind<KeptRule>[] = [
  ruleKind('VirtualService', 'virtualservices'),
  ruleKind('DestinationRule', 'destinationrules'),
  ruleKind('ServiceEntry', 'serviceentries'),
  ruleKind('WorkloadEntry', 'workloadentries'),
  ruleKind('Gateway', 'gateways'),
];

/** All that has been kept, as a snapshot has it. */
export function rulesOf(reflectors: readonly Reflector<KeptRule>[]): Rules {
  const rules = reflectors.flatMap(({ objects }) => [...objects.values()]);
  return {
    resources: rules.flatMap(({ valid }) => valid ?? []),
    issues: rules.flatMap(({ issues }) => issues),
    refused: rules.filter(({ valid }) => !valid).map(({ key }) => key),
    unreadable: [],
  };
}
