/** Which DestinationRule applies to a service, as a client sees it. Imports schema types. */
import type { DestinationRuleSpec } from '../schema/destination-rule.ts';
import type { ValidResourceOf } from '../schema/kind.ts';
import type { Service } from '../table/cluster.ts';
import { compareAge } from './age.ts';
import { mostSpecific, resolveShortName } from './host.ts';

type DestinationRule = ValidResourceOf<'DestinationRule'>;

/** Rules for one host, merged where they have one namespace and one audience. */
interface ConsolidatedRule {
  readonly namespace: string;
  readonly exportTo: ReadonlySet<string>;
  spec: DestinationRuleSpec;
}

type RulesByHost = Map<string, ConsolidatedRule[]>;

/** Finds the rule of a service. */
export interface DestinationRules {
  /** The rule that the client's requests to the service obey; undefined without one. */
  ruleOf(service: Service): DestinationRuleSpec | undefined;
}

/** Whose view of the rules it is. */
export interface RuleViewer {
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly rootNamespace: string;
}

/**
 * Looks in the client's namespace first, then in the service's, then in the mesh's root namespace; in each for
 * the most specific host. Rules of one host in one namespace are one: the oldest one's policy with the subsets
 * of all.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (setDestinationRules, destinationRule),
 * `pilot/pkg/model/sidecar.go` (SidecarScope.DestinationRule).
 */
export function indexDestinationRules(
  resources: readonly DestinationRule[],
  viewer: RuleViewer,
  defaultExportTo: readonly string[] | undefined,
): DestinationRules {
  const local = new Map<string, RulesByHost>();
  const exported = new Map<string, RulesByHost>();
  const rootPrivate: RulesByHost = new Map();
  for (const { metadata, spec: written } of [...resources].sort(compareRules)) {
    const { namespace } = metadata;
    const spec = { ...written, host: resolveShortName(written.host, namespace) };
    const exportTo = new Set(written.workloadSelector ? ['.'] : (written.exportTo ?? []));
    const isLocal = exportTo.size === 0 || ['*', '.', namespace].some((each) => exportTo.has(each));
    if (isLocal) merge(rulesOf(local, namespace), { namespace, exportTo, spec });
    const isPrivate =
      exportTo.size === 0
        ? (defaultExportTo ?? []).includes('.')
        : exportTo.size === 1 && (exportTo.has('.') || exportTo.has(namespace));
    if (!isPrivate) merge(rulesOf(exported, namespace), { namespace, exportTo, spec });
    else if (namespace === viewer.rootNamespace) merge(rootPrivate, { namespace, exportTo, spec });
  }

  const found = (service: Service): readonly ConsolidatedRule[] => {
    const { host } = service;
    const inRoot = viewer.namespace === viewer.rootNamespace;
    const own = mostSpecific(host, (inRoot ? rootPrivate : local.get(viewer.namespace)) ?? new Map());
    if (own) return own;
    for (const namespace of [service.namespace, viewer.rootNamespace]) {
      const rules: ConsolidatedRule[] = mostSpecific(host, exported.get(namespace) ?? new Map()) ?? [];
      const seen = rules.filter(
        ({ exportTo }) => exportTo.size === 0 || exportTo.has('*') || exportTo.has(viewer.namespace),
      );
      if (seen.length > 0) return seen;
    }
    return [];
  };
  const cache = new Map<Service, DestinationRuleSpec | undefined>();
  return {
    ruleOf(service) {
      if (!cache.has(service)) cache.set(service, selectRule(found(service), viewer));
      return cache.get(service);
    },
  };
}

/** A rule for workloads with the client's labels goes before the one for all. */
function selectRule(rules: readonly ConsolidatedRule[], viewer: RuleViewer): DestinationRuleSpec | undefined {
  let forAll: DestinationRuleSpec | undefined;
  for (const { spec, namespace } of rules) {
    if (!spec.workloadSelector) {
      forAll = spec;
    } else if (namespace === viewer.namespace) {
      const labels = Object.entries(spec.workloadSelector.matchLabels ?? {});
      if (labels.every(([key, value]) => viewer.labels.get(key) === value)) return spec;
    }
  }
  return forAll;
}

/** Those for some workloads first, then the older one. Source: Istio (sortConfigBySelectorAndCreationTime). */
function compareRules(a: DestinationRule, b: DestinationRule): number {
  const selective = Number(Boolean(b.spec.workloadSelector)) - Number(Boolean(a.spec.workloadSelector));
  return selective || compareAge(a.metadata, b.metadata);
}

function rulesOf(byNamespace: Map<string, RulesByHost>, namespace: string): RulesByHost {
  let rules = byNamespace.get(namespace);
  if (!rules) {
    rules = new Map();
    byNamespace.set(namespace, rules);
  }
  return rules;
}

/** Source: Istio `pilot/pkg/model/destination_rule.go` (mergeDestinationRule), with its enhanced merge, the default. */
function merge(rules: RulesByHost, incoming: ConsolidatedRule): void {
  const { host } = incoming.spec;
  const existing = rules.get(host);
  if (!existing) {
    rules.set(host, [{ ...incoming }]);
    return;
  }
  let apart = true;
  for (const rule of existing) {
    if (sameSet(rule.exportTo, incoming.exportTo)) apart = false;
    else if (rule.exportTo.size > 0 && [...rule.exportTo].every((each) => incoming.exportTo.has(each)))
      apart = true;
    else {
      apart = true;
      continue;
    }
    const selector = selectorKey(rule.spec);
    const incomingSelector = selectorKey(incoming.spec);
    if (selector !== undefined && incomingSelector !== undefined && selector !== incomingSelector) {
      apart = true;
      continue;
    }
    if (selector === incomingSelector) apart = false;
    const names = new Set((rule.spec.subsets ?? []).map(({ name }) => name));
    const subsets = (incoming.spec.subsets ?? []).filter(({ name }) => !names.has(name));
    const trafficPolicy = rule.spec.trafficPolicy ?? incoming.spec.trafficPolicy;
    rule.spec = {
      ...rule.spec,
      subsets: [...(rule.spec.subsets ?? []), ...subsets],
      ...(trafficPolicy && { trafficPolicy }),
    };
  }
  if (apart) existing.push({ ...incoming });
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((each) => b.has(each));
}

function selectorKey(spec: DestinationRuleSpec): string | undefined {
  if (!spec.workloadSelector) return undefined;
  return JSON.stringify(Object.entries(spec.workloadSelector.matchLabels ?? {}).sort());
}
