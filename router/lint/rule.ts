/**
 * Rules of VirtualServices that no request ever gets to: those whose conditions no request fulfils, and those
 * whose requests earlier rules take. True for every client, port and gateway. Imports the compiler's
 * VirtualServices.
 */
import { compareAge } from '../compile/age.ts';
import { hostsOverlap, isWildcard } from '../compile/host.ts';
import type { PreparedRule, PreparedVirtualService } from '../compile/virtual-service.ts';
import { formatPath, type Issue } from '../issue.ts';
import type { Workspace } from '../region/partition.ts';
import { type Reach, reachOf } from '../region/reach.ts';
import type { Dimension, Region } from '../region/requirement.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { HTTPMatchRequest } from '../schema/virtual-service.ts';
import { exampleLine, type Spoken, spokenOf } from './example.ts';
import { listed, nameOf, type Subject, warning } from './finding.ts';
import { type HostWorld, hostWorld } from './host-world.ts';
import type { RequestPort } from './port.ts';
import { regionOf, takesAll } from './rule-region.ts';

/** One match of a rule, or a rule without matches, as it stands in a VirtualService's list. */
interface Entry {
  readonly prepared: PreparedRule;
  /** As written; undefined for the rule as a whole. */
  readonly matchIndex: number | undefined;
  readonly region: Region;
}

/** An entry with what became of it, and the list that this was found in. */
interface Outcome {
  readonly entry: Entry;
  readonly reach: Reach;
  readonly list: readonly Entry[];
  readonly world: HostWorld;
}

/** What is known of all rules. */
export interface RuleVerdicts {
  readonly issues: readonly Issue[];
  /** Of how many rules it could not be decided whether each of their matches is taken. */
  readonly undecided: number;
  /** A request, as curl sends it, that gets to the rule or match at the path; undefined where none is known. */
  takenExample(resource: ResourceName, path: FieldPath): string | undefined;
  /** A request to the host in the mesh that the VirtualService would take, were it the only one. */
  claimExample(virtualService: PreparedVirtualService, host: string): string | undefined;
  /** A request to the VirtualService's first host that fits the match, whatever its rules do with it. */
  fittingExample(
    virtualService: PreparedVirtualService,
    match: HTTPMatchRequest | undefined,
  ): string | undefined;
}

/** Of a VirtualService. */
export interface ResourceName {
  readonly namespace: string;
  readonly name: string;
}

/** See {@link judgeRules}. */
export interface JudgeOptions {
  readonly normalization: HostWorld['normalization'];
  readonly workspace: Workspace;
  /** The ports at which a host's requests come through a gateway, or `mesh`, the most usual first. */
  portsOf(host: string, gateway: string): readonly RequestPort[];
}

/** The verdicts on all rules. */
export function judgeRules(
  virtualServices: readonly PreparedVirtualService[],
  options: JudgeOptions,
): RuleVerdicts {
  const entries = new Map(virtualServices.map((each) => [each, entriesOf(each)]));
  const outcomes = virtualServices.flatMap((each): readonly Outcome[] => {
    const list = entries.get(each)!;
    const hosts = each.hosts.map((host) => host.toLowerCase());
    const world = worldOf(hosts, each.gateways, each.exportTo, options);
    const reaches = reachOf(regionsOf(list), world, options.workspace);
    const own = list.map((entry, at): Outcome => ({ entry, reach: reaches[at]!, list, world }));
    return behindOthers(each, own, virtualServices, entries, options);
  });
  const open = outcomes.filter(({ reach }) => reach.verdict === 'unknown');
  const byRule = Map.groupBy(outcomes, ({ entry }) => ruleKey(entry));
  const isShared = sharedBy(virtualServices);
  return {
    issues: findingsOf(byRule),
    undecided: new Set(open.map(({ entry }) => ruleKey(entry))).size,
    takenExample: ({ namespace, name }, path) => {
      const [, , rule, field, at] = path;
      const match = field === 'match' ? at : undefined;
      const found = byRule
        .get(`${namespace}/${name}/${rule}`)
        ?.find(
          ({ entry, reach }) =>
            reach.verdict === 'taken' && (match === undefined || entry.matchIndex === match),
        );
      // Where another VirtualService speaks for the host too, the example may be that one's.
      return found === undefined || isShared(found.world.hosts) ? undefined : exampleOf(found);
    },
    claimExample: ({ exportTo, rules }, host) => {
      const mine = new Set(rules);
      const found = outcomes.find(
        ({ entry, reach }) =>
          reach.verdict === 'taken' &&
          mine.has(entry.prepared) &&
          !reach.example.has('authority') &&
          (reach.example.get('gateway')?.[0] ?? 'mesh') === 'mesh',
      );
      return found && exampleOf({ ...found, world: worldOf([host], ['mesh'], exportTo, options) });
    },
    fittingExample: (virtualService, match) => {
      const { gateways, exportTo } = virtualService;
      const hosts = virtualService.hosts.map((host) => host.toLowerCase());
      const world = worldOf(hosts, gateways, exportTo, options);
      const region = regionOf(match);
      const [reach] = reachOf([region], world, options.workspace);
      if (reach?.verdict !== 'taken') return undefined;
      return exampleLine(
        reach.example,
        world,
        spokenOf([region, ...regionsOf(entries.get(virtualService)!)]),
      );
    },
  };
}

function worldOf(
  hosts: readonly string[],
  gateways: readonly string[],
  exportTo: readonly string[],
  { normalization, portsOf }: JudgeOptions,
): HostWorld {
  const [host = ''] = hosts;
  return hostWorld({
    normalization,
    hosts,
    gateways,
    exportTo,
    portsOf: (gateway) => portsOf(host, gateway),
  });
}

/** Tells whether several VirtualServices have one of the hosts, or a wildcard beside them. */
function sharedBy(all: readonly PreparedVirtualService[]): (hosts: readonly string[]) => boolean {
  const claims = new Map<string, number>();
  for (const { hosts } of all) {
    for (const host of new Set(hosts.map((each) => each.toLowerCase())))
      claims.set(host, (claims.get(host) ?? 0) + 1);
  }
  const wildcards = [...claims.keys()].filter(isWildcard);
  return (hosts) =>
    hosts.some((host) => {
      if ((claims.get(host) ?? 0) > 1) return true;
      const beside = isWildcard(host) ? [...claims.keys()] : wildcards;
      return beside.some((each) => !hosts.includes(each) && hostsOverlap(each, host));
    });
}

/** What a list's rules speak of, found once. */
const spokenByList = new WeakMap<readonly Entry[], Spoken>();

/** The request of a rule that is taken, or of one that is not and that another takes. */
function exampleOf({ reach, list, world }: Outcome): string | undefined {
  if ((reach.verdict !== 'taken' && reach.verdict !== 'never') || reach.example === undefined)
    return undefined;
  const spoken = spokenByList.get(list) ?? spokenOf(regionsOf(list));
  spokenByList.set(list, spoken);
  return exampleLine(reach.example, world, spoken);
}

function entriesOf({ rules }: PreparedVirtualService): Entry[] {
  return rules.flatMap((prepared): Entry[] => {
    const matches = prepared.rule.match ?? [];
    if (matches.length === 0) return [{ prepared, matchIndex: undefined, region: regionOf(undefined) }];
    return matches.map((match, index) => ({
      prepared,
      matchIndex: prepared.matchIndexes[index],
      region: regionOf(match),
    }));
  });
}

const regionsOf = (list: readonly Entry[]): Region[] => list.map(({ region }) => region);

/**
 * The outcomes once older VirtualServices for the same hosts are looked at too, with which a gateway merges a
 * VirtualService: theirs first, and rules that take everything last of all. In the mesh nothing is merged.
 */
function behindOthers(
  virtualService: PreparedVirtualService,
  own: readonly Outcome[],
  all: readonly PreparedVirtualService[],
  entries: ReadonlyMap<PreparedVirtualService, readonly Entry[]>,
  options: JudgeOptions,
): readonly Outcome[] {
  const { gateways, hosts } = virtualService;
  if (gateways.includes('mesh') || !isForAll(virtualService)) return own;
  const places = gateways.flatMap((gateway) => hosts.map((host) => ({ gateway, host })));
  const open = new Set(own.filter(({ reach }) => reach.verdict === 'taken' || reach.verdict === 'unknown'));
  const behind = new Map<Outcome, Outcome>();
  for (const { gateway, host } of places) {
    const older = all.filter(
      (other) =>
        isForAll(other) &&
        compareAge(other.metadata, virtualService.metadata) < 0 &&
        other.metadata.namespace === virtualService.metadata.namespace &&
        other.gateways.includes(gateway) &&
        other.hosts.some((each) => each.toLowerCase() === host.toLowerCase()),
    );
    if (older.length === 0 || open.size === 0) return own;
    const world = worldOf([host.toLowerCase()], [gateway], ['*'], options);
    const theirs = older.flatMap((other) => upToAll(entries.get(other)!));
    const merged = [...theirs, ...[...open].map(({ entry }) => entry)];
    const list = [
      ...merged.filter(({ region }) => !takesAll(region)),
      ...merged.filter(({ region }) => takesAll(region)),
    ];
    // What one VirtualService leaves out after a rule that takes everything, others still have.
    const regions = list.map(({ region }) => ({ ...region, kept: region.requirements }));
    const positions = new Map(list.map((entry, position) => [entry, position]));
    const asked = new Set([...open].map(({ entry }) => positions.get(entry)!));
    const reaches = reachOf(regions, world, options.workspace, asked);
    for (const outcome of open) {
      const reach = reaches[positions.get(outcome.entry)!]!;
      if (reach.verdict !== 'never') open.delete(outcome);
      else behind.set(outcome, { entry: outcome.entry, reach, list, world });
    }
  }
  return own.map((outcome) => (open.has(outcome) ? (behind.get(outcome) ?? outcome) : outcome));
}

/** The entries that are there wherever their VirtualService is: those after one that takes everything may be left out. */
function upToAll(list: readonly Entry[]): readonly Entry[] {
  const all = list.findIndex(({ region }) => takesAll(region));
  return all === -1 ? list : list.slice(0, all + 1);
}

/** True when no client is without it. */
const isForAll = ({ exportTo }: PreparedVirtualService): boolean => exportTo.includes('*');

/** A delegate's rule stands in several lists, and is reported when it is never taken in any of them. */
function findingsOf(byRule: ReadonlyMap<string, readonly Outcome[]>): Issue[] {
  return [...byRule.values()].flatMap((ofRule): Issue[] => {
    const isLost = ({ reach }: Outcome) => reach.verdict === 'never' || reach.verdict === 'impossible';
    const byMatch = [...Map.groupBy(ofRule, ({ entry }) => entry.matchIndex).values()].filter((each) =>
      each.every(isLost),
    );
    const impossible = byMatch.filter((each) => each.every(({ reach }) => reach.verdict === 'impossible'));
    const covered = byMatch.filter((each) => !impossible.includes(each));
    const issues = impossible.map(([first]) => impossibleIssue(first!));
    const isWhole = covered.length > 0 && ofRule.every(isLost);
    if (isWhole) return [...issues, neverIssue(covered.flat(), 'rule-never-taken')];
    return [...issues, ...covered.map((each) => neverIssue(each, 'match-never-taken'))];
  });
}

function ruleKey({ prepared: { written } }: Entry): string {
  return `${written.metadata.namespace}/${written.metadata.name}/${written.index}`;
}

function subjectOf({ prepared: { written } }: Entry): Subject {
  const { metadata, source } = written;
  return { kind: 'VirtualService', metadata, ...(source && { source }) };
}

function pathOf({ prepared: { written }, matchIndex }: Entry): FieldPath {
  return ['spec', 'http', written.index, ...(matchIndex === undefined ? [] : ['match', matchIndex])];
}

function neverIssue(outcomes: readonly Outcome[], code: 'rule-never-taken' | 'match-never-taken'): Issue {
  const { entry } = outcomes[0]!;
  const subject = subjectOf(entry);
  const path = code === 'rule-never-taken' ? pathOf({ ...entry, matchIndex: undefined }) : pathOf(entry);
  const by = outcomes.flatMap(({ reach, list }) =>
    reach.verdict === 'never' ? reach.by.map((position) => list[position]!) : [],
  );
  const names = [...new Set(by.map((each) => placeName(each, subject)))];
  const what = code === 'rule-never-taken' ? 'The rule' : 'The match';
  const isMerged = by.some((each) => !isSame(subjectOf(each), subject));
  const together = names.length > 1 ? ' together' : '';
  const take = names.length > 1 ? 'take' : 'takes';
  const example = outcomes.map(exampleOf).find((each) => each !== undefined);
  return warning(
    subject,
    path,
    code,
    `${what} ${formatPath(path)} is never taken: ${listed(names)}${together} ${take} every request that fits it; remove it, or move it up${isMerged ? `. ${MERGED}` : ''}`,
    example,
  );
}

const MERGED =
  'A gateway joins the VirtualServices of a host, the oldest first, and by name where none says when it was created';

function isSame({ metadata: one }: Subject, { metadata: other }: Subject): boolean {
  return one.name === other.name && one.namespace === other.namespace;
}

/** `spec.http[0].match[1] (line 12)`, with its resource where that is another one. */
function placeName(entry: Entry, from: Subject): string {
  const subject = subjectOf(entry);
  const path = pathOf(entry);
  const line = subject.source === undefined ? '' : ` (line ${subject.source.position(path).line})`;
  return `${isSame(subject, from) ? '' : `${nameOf(subject)} `}${formatPath(path)}${line}`;
}

function impossibleIssue({ entry, reach, world }: Outcome): Issue {
  const path = pathOf(entry);
  const dimension = reach.verdict === 'impossible' ? reach.dimension : undefined;
  return warning(
    subjectOf(entry),
    path,
    'match-impossible',
    `No request fits ${formatPath(path)}: ${dimension === undefined ? 'its conditions exclude each other' : reasonOf(dimension, entry, world)}`,
  );
}

function reasonOf({ id, presence }: Dimension, { region }: Entry, { gateways, hosts }: HostWorld): string {
  const asked = region.requirements.filter(({ dimension }) => dimension.id === id);
  const [kind = '', ...rest] = id.split(' ');
  const subject = rest.length === 0 ? `the ${kind}` : `the ${kind} "${rest.join(' ')}"`;
  if (presence === 'none') return `rules see ${subject} of no client, as proxies take it away`;
  if (asked.length > 1) return `its conditions on ${subject} exclude each other`;
  if (asked[0]?.kind === 'text' && asked[0].invert)
    return `withoutHeaders compares ${subject} as an empty text when it is not there, and its condition takes that; write {} to ask that it is not there`;
  switch (kind) {
    case 'path':
      return 'rules see a path that begins with "/", normalised and without its query; ask for a query by queryParams';
    case 'authority':
      return `the VirtualService is for ${listed(hosts)} alone`;
    case 'gateway':
      return `the VirtualService is bound to ${listed(gateways)} alone`;
    case 'query':
      return `a query is cut at "&" and at the first "=", and not decoded`;
    default:
      return `no value of ${subject} is like that`;
  }
}
