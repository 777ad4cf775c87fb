/** Hosts that several VirtualServices claim in the mesh, where only one of them is obeyed. Imports the compiler's VirtualServices. */
import { compareAge } from '../compile/age.ts';
import type { PreparedVirtualService } from '../compile/virtual-service.ts';
import type { Issue } from '../issue.ts';
import type { Requirement } from '../region/requirement.ts';
import type { ValidResourceOf } from '../schema/kind.ts';
import { nameOf, warning } from './finding.ts';
import type { RuleVerdicts } from './rule.ts';
import { regionOf } from './rule-region.ts';

type VirtualService = ValidResourceOf<'VirtualService'>;

/**
 * A finding for each host of a VirtualService that an earlier one has, for every client that sees both.
 *
 * Source: Istio `pilot/pkg/model/push_context.go` (VirtualServicesForGateway),
 * `pilot/pkg/networking/core/route/route.go` (BuildSidecarVirtualHostWrapper).
 */
export function lintHosts(
  prepared: readonly PreparedVirtualService[],
  resources: readonly VirtualService[],
  { claimExample }: Pick<RuleVerdicts, 'claimExample'>,
): Issue[] {
  const inMesh = prepared.filter(({ gateways }) => gateways.includes('mesh'));
  const byHost = new Map<string, PreparedVirtualService[]>();
  for (const each of inMesh) {
    for (const host of new Set(each.hosts.map((name) => name.toLowerCase()))) {
      const claims = byHost.get(host);
      if (claims) claims.push(each);
      else byHost.set(host, [each]);
    }
  }
  const issues: Issue[] = [];
  for (const [host, claims] of byHost) {
    for (const later of claims.slice(1)) {
      const winner = claims.find((each) => each !== later && goesBefore(each, later) && isAlwaysThere(each));
      const resource = resources.find(({ metadata }) => metadata === later.metadata);
      const owner = resources.find(({ metadata }) => metadata === winner?.metadata);
      if (winner === undefined || resource === undefined || owner === undefined) continue;
      const index = later.hosts.findIndex((each) => each.toLowerCase() === host);
      const partly = later.gateways.length > 1 ? ' in the mesh' : '';
      issues.push(
        warning(
          resource,
          ['spec', 'hosts', index],
          'host-conflict',
          `The rules here have no effect${partly} for host '${host}': ${nameOf(owner)} has it too and ${whyFirst(winner, later)}, and a sidecar obeys only the first; put the rules into one VirtualService`,
          claimExample(later, host),
        ),
      );
    }
  }
  return issues;
}

/** True when every client that sees the later one sees the other before it. The list is sorted by age. */
function goesBefore(one: PreparedVirtualService, later: PreparedVirtualService): boolean {
  if (compareAge(one.metadata, later.metadata) >= 0) return false;
  const isForAll = (each: PreparedVirtualService) => each.exportTo.includes('*');
  // What is exported to some goes before what everyone sees, whatever its age.
  if (isForAll(later)) return isForAll(one);
  return (
    !isForAll(one) &&
    later.exportTo.every((namespace) => one.exportTo.includes(namespace)) &&
    one.metadata.namespace === later.metadata.namespace
  );
}

/** True when some rule of it is there on every port and for every client: without one the next VirtualService has the host. */
function isAlwaysThere({ rules }: PreparedVirtualService): boolean {
  return rules.some(({ rule }) => {
    const matches = rule.match ?? [];
    return matches.length === 0 || matches.some((match) => regionOf(match).requirements.every(isOfRequest));
  });
}

const isOfRequest = ({ kind }: Requirement): boolean => kind === 'text';

function whyFirst(one: PreparedVirtualService, later: PreparedVirtualService): string {
  const [time, laterTime] = [one.metadata.creationTimestamp, later.metadata.creationTimestamp];
  if (time !== laterTime) return 'is older';
  const by = one.metadata.name === later.metadata.name ? 'namespace' : 'name';
  return time === undefined
    ? `comes first by ${by} (without creationTimestamp; in a cluster the older one does)`
    : `comes first by ${by}, being as old`;
}
