/**
 * VirtualServices made ready: names resolved, delegates merged in, oldest first, each with who sees it.
 * Imports schema types.
 */
import type { ValidResourceOf } from '../schema/kind.ts';
import type { FieldPath, ResourceMetadata, ResourceSource } from '../schema/resource.ts';
import type { HTTPMatchRequest, HTTPRoute, VirtualServiceSpec } from '../schema/virtual-service.ts';
import type { RootRule, RuleOrigin } from '../table/decision.ts';
import { compareAge } from './age.ts';
import { type Extension, readExtension } from './annotation.ts';
import { mergeDelegate } from './delegate.ts';
import { resolveGatewayName, resolveShortName } from './host.ts';
import type { Report } from './report.ts';
import { effectiveExportTo } from './visibility.ts';

type VirtualService = ValidResourceOf<'VirtualService'>;

/** A VirtualService with hosts. */
export interface PreparedVirtualService {
  readonly metadata: ResourceMetadata;
  /** Fully qualified. */
  readonly hosts: readonly string[];
  /** `mesh` or `NAMESPACE/NAME`. */
  readonly gateways: readonly string[];
  /** Namespaces by name, `*` or `~`. */
  readonly exportTo: readonly string[];
  readonly rules: readonly PreparedRule[];
}

/** One of `spec.http`, or one that a delegate brought. */
export interface PreparedRule {
  readonly rule: HTTPRoute;
  readonly written: WrittenRule;
  /** For each match its index as written; undefined for one that is not of the rule's own text. */
  readonly matchIndexes: readonly (number | undefined)[];
  /** The rule that delegates to this one, with its own match for each match. Absent: none. */
  readonly root?: { readonly written: WrittenRule; readonly matchIndexes: readonly (number | undefined)[] };
  /** Of the VirtualService that the rule is written in. */
  readonly extension: Extension;
}

interface WrittenRule {
  readonly metadata: ResourceMetadata;
  readonly index: number;
  readonly source?: ResourceSource;
}

/** What VirtualServices refer to besides themselves. */
export interface VirtualServiceContext {
  /** Those without hosts, by `NAMESPACE/NAME`. */
  readonly delegates: ReadonlyMap<string, VirtualService>;
  readonly defaultExportTo: readonly string[] | undefined;
}

/** See the fields. */
export function virtualServiceContext(
  resources: readonly VirtualService[],
  defaultExportTo: readonly string[] | undefined,
): VirtualServiceContext {
  const delegates = new Map<string, VirtualService>();
  for (const each of resources) {
    if (hostsOf(each).length === 0) delegates.set(`${each.metadata.namespace}/${each.metadata.name}`, each);
  }
  return { delegates, defaultExportTo };
}

/** Those with hosts, oldest first. */
export function rootVirtualServices(resources: readonly VirtualService[]): VirtualService[] {
  return resources
    .filter((each) => hostsOf(each).length > 0)
    .sort((a, b) => compareAge(a.metadata, b.metadata));
}

/** All that have hosts, made ready, oldest first. */
export function prepareVirtualServices(
  resources: readonly VirtualService[],
  defaultExportTo: readonly string[] | undefined,
  report: Report,
): PreparedVirtualService[] {
  const context = virtualServiceContext(resources, defaultExportTo);
  return rootVirtualServices(resources).map((each) => prepareVirtualService(each, context, report));
}

/**
 * One VirtualService made ready.
 *
 * Source: Istio `pilot/pkg/model/virtualservice_controller.go` (mergeVirtualServices),
 * `pilot/pkg/model/virtualservice.go` (ResolveVirtualServiceShortnames).
 */
export function prepareVirtualService(
  root: VirtualService,
  { delegates, defaultExportTo }: VirtualServiceContext,
  report: Report,
): PreparedVirtualService {
  const { metadata, spec } = root;
  const { namespace } = metadata;
  const gateways = (spec.gateways ?? []).map((gateway) => resolveGatewayName(gateway, namespace));
  return {
    metadata,
    hosts: hostsOf(root).map((host) => resolveShortName(host, namespace)),
    gateways: gateways.length > 0 ? gateways : ['mesh'],
    exportTo: namespacesOf(spec, namespace, defaultExportTo),
    rules: prepareRules(root, delegates, defaultExportTo, report),
  };
}

/** Where the rule, or one match of it, is written. */
export function originOf(
  { written, matchIndexes, root }: PreparedRule,
  match: number | undefined,
): RuleOrigin {
  const { index, source } = written;
  const matchIndex = match === undefined ? undefined : matchIndexes[match];
  const path: FieldPath = ['spec', 'http', index, ...(matchIndex === undefined ? [] : ['match', matchIndex])];
  return {
    ...ruleOf(written, matchIndex),
    ...(source && { file: source.file, line: source.position(path).line }),
    ...(root && { via: ruleOf(root.written, match === undefined ? undefined : root.matchIndexes[match]) }),
  };
}

function ruleOf({ metadata, index }: WrittenRule, matchIndex: number | undefined): RootRule {
  const { namespace, name } = metadata;
  return { kind: 'VirtualService', namespace, name, index, ...(matchIndex !== undefined && { matchIndex }) };
}

/**
 * The VirtualServices that a proxy of the namespace sees under a gateway's name: its own private ones, those
 * exported to it, and the public ones, each list oldest first.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (initVirtualServices, VirtualServicesForGateway).
 */
export function virtualServicesFor(
  all: readonly PreparedVirtualService[],
  gateway: string,
  proxyNamespace: string,
): PreparedVirtualService[] {
  const own: PreparedVirtualService[] = [];
  const exported: PreparedVirtualService[] = [];
  const everyones: PreparedVirtualService[] = [];
  for (const each of all) {
    if (!each.gateways.includes(gateway)) continue;
    if (each.exportTo.includes('*')) everyones.push(each);
    else if (each.exportTo.includes('~') || !each.exportTo.includes(proxyNamespace)) continue;
    else if (each.metadata.namespace === proxyNamespace) own.push(each);
    else exported.push(each);
  }
  return [...own, ...exported, ...everyones];
}

const hostsOf = ({ spec }: VirtualService): readonly string[] => spec.hosts ?? [];

function namespacesOf(
  spec: VirtualServiceSpec,
  namespace: string,
  byDefault: readonly string[] | undefined,
): string[] {
  return effectiveExportTo(spec.exportTo, byDefault).map((each) => (each === '.' ? namespace : each));
}

function prepareRules(
  root: VirtualService,
  delegates: ReadonlyMap<string, VirtualService>,
  defaultExportTo: readonly string[] | undefined,
  report: Report,
): PreparedRule[] {
  const extension = readExtension(root, report);
  return (root.spec.http ?? []).flatMap((written, index): PreparedRule[] => {
    const rule = resolveRule(written, root.metadata.namespace);
    if (!rule.delegate) return [ownRule(root, rule, index, extension)];
    const namespace = rule.delegate.namespace || root.metadata.namespace;
    const name = rule.delegate.name ?? '';
    const delegate = delegates.get(`${namespace}/${name}`);
    const place: FieldPath = ['spec', 'http', index, 'delegate'];
    if (!delegate) {
      report.warn(
        root,
        place,
        'delegate-not-found',
        `Cannot delegate to VirtualService '${namespace}/${name}': there is none without hosts of that name, so the rule is left out`,
      );
      return [];
    }
    const exportTo = namespacesOf(delegate.spec, namespace, defaultExportTo);
    if (!exportTo.includes('*') && !exportTo.includes(root.metadata.namespace)) {
      report.warn(
        root,
        place,
        'delegate-not-visible',
        `Cannot delegate to VirtualService '${namespace}/${name}': its exportTo leaves out namespace '${root.metadata.namespace}', so the rule is left out`,
      );
      return [];
    }
    const delegated = readExtension(delegate, report);
    const rules = (delegate.spec.http ?? []).map((each) => resolveRule(each, namespace));
    const merged = mergeDelegate(rule, rules);
    for (const [dropped] of rules.entries()) {
      if (merged.some((each) => each.index === dropped)) continue;
      report.warn(
        delegate,
        ['spec', 'http', dropped, 'match'],
        'delegate-match-conflict',
        `A match here lies outside every match of the delegating rule in '${root.metadata.namespace}/${root.metadata.name}', so the rule is left out`,
      );
    }
    return merged.map((each) => ({
      rule: each.rule,
      written: writtenRule(delegate, each.index),
      matchIndexes: each.matchIndexes,
      root: { written: writtenRule(root, index), matchIndexes: each.rootIndexes },
      extension: delegated,
    }));
  });
}

function ownRule(
  resource: VirtualService,
  rule: HTTPRoute,
  index: number,
  extension: Extension,
): PreparedRule {
  return {
    rule,
    written: writtenRule(resource, index),
    matchIndexes: (rule.match ?? []).map((_, match) => match),
    extension,
  };
}

function writtenRule({ metadata, source }: VirtualService, index: number): WrittenRule {
  return { metadata, index, ...(source && { source }) };
}

/** The rule with its destinations' and gateways' full names. */
function resolveRule(rule: HTTPRoute, namespace: string): HTTPRoute {
  const resolve = <D extends { host: string }>(destination: D): D => ({
    ...destination,
    host: resolveShortName(destination.host, namespace),
  });
  return {
    ...rule,
    ...(rule.match && { match: rule.match.map((match) => resolveMatch(match, namespace)) }),
    ...(rule.route && {
      route: rule.route.map((each) => ({ ...each, destination: resolve(each.destination) })),
    }),
    ...(rule.mirror && { mirror: resolve(rule.mirror) }),
    ...(rule.mirrors && {
      mirrors: rule.mirrors.map((each) => ({ ...each, destination: resolve(each.destination) })),
    }),
  };
}

function resolveMatch(match: HTTPMatchRequest, namespace: string): HTTPMatchRequest {
  if (!match.gateways) return match;
  return { ...match, gateways: match.gateways.map((gateway) => resolveGatewayName(gateway, namespace)) };
}
