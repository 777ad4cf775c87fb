/**
 * Authorities in classes: within one, two listeners have the same virtual host each, so that only routes are left
 * to compare. Imports the router's host lookup and the algebra of regions.
 */
import type { Listener, VirtualHost } from '../../router/index.ts';
import { type Automaton, differenceOf, regexAutomaton } from '../../router/region/automaton.ts';
import { quotePattern } from '../../router/region/pattern.ts';
import { createMatcher } from '../../router/route/matcher.ts';
import { type PreparedListener, prepareTable } from '../../router/route/prepared.ts';
import { domainKind } from '../../router/route/reference.ts';

/** Authorities with the virtual hosts that take them; one that is absent takes none of them. */
export interface HostClass {
  readonly before: VirtualHost | undefined;
  readonly after: VirtualHost | undefined;
  /** The domains of both listeners that lead here, the most telling first. */
  readonly domains: readonly string[];
  /** An authority of each domain. */
  readonly samples: readonly string[];
  /** All authorities of the class; never fewer. */
  authorities(): Automaton;
  /** True for an authority of the class. */
  has(authority: string): boolean;
}

/** Finds the virtual host of an authority on a listener. */
type Lookup = (authority: string) => VirtualHost | undefined;

/** A host that no domain names but by a wildcard. */
const FILLER = 'any';
const ODD_FILLER = 'any-xq7z';

/** The classes of all authorities there can be, those of a domain given by itself first. */
export function hostClasses(before: Listener, after: Listener): HostClass[] {
  const lookUpBefore = lookupOf(before);
  const lookUpAfter = lookupOf(after);
  const domains = [...new Set([...domainsOf(before), ...domainsOf(after), '*'])].sort(byKind);
  const groups = new Map<VirtualHost | undefined, Map<VirtualHost | undefined, Draft>>();
  const ignorePort = before.ignorePortInHost || after.ignorePortInHost;
  for (const { domain, sample, pattern } of representatives(domains)) {
    const [one, other] = [lookUpBefore(sample), lookUpAfter(sample)];
    const row = groups.get(one) ?? new Map<VirtualHost | undefined, Draft>();
    groups.set(one, row);
    const draft = row.get(other) ?? { domains: [], samples: [], patterns: [] };
    row.set(other, draft);
    draft.domains.push(domain);
    draft.samples.push(sample);
    draft.patterns.push(pattern);
  }
  const patterns = new Map(domains.map((domain) => [domain, patternOf(domain)]));
  return [...groups].flatMap(([one, row]) =>
    [...row].map(([other, draft]): HostClass => {
      const others = domains.filter(
        (domain) => !draft.domains.includes(domain) && isWithin(domain, draft.domains),
      );
      return {
        before: one,
        after: other,
        domains: draft.domains,
        samples: draft.samples.toSorted((a, b) => a.length - b.length),
        authorities: () => {
          const own = regexAutomaton(authorityPattern(draft.patterns, ignorePort));
          if (others.length === 0) return own;
          const excluded = others.map((domain) => patterns.get(domain)!);
          return differenceOf(own, regexAutomaton(authorityPattern(excluded, ignorePort)));
        },
        has: (authority) => lookUpBefore(authority) === one && lookUpAfter(authority) === other,
      };
    }),
  );
}

interface Draft {
  readonly domains: string[];
  readonly samples: string[];
  readonly patterns: string[];
}

function lookupOf(listener: Listener): Lookup {
  const table = prepareTable({ format: 1, listeners: [], fallback: listener, clusters: [] });
  const prepared: PreparedListener = table.listeners[0]!;
  const matcher = createMatcher(table);
  return (authority) => matcher.findVirtualHost(prepared, authority)?.virtualHost.virtualHost;
}

function domainsOf({ virtualHosts }: Listener): string[] {
  return virtualHosts.flatMap(({ domains }) => domains);
}

const KINDS = ['exact', 'suffix', 'prefix', 'any'];

/** The more specific first; domains given by themselves as they stand, but for those with a final dot. */
function byKind(a: string, b: string): number {
  const kinds = KINDS.indexOf(domainKind(a)) - KINDS.indexOf(domainKind(b));
  if (kinds !== 0) return kinds;
  return domainKind(a) === 'exact' ? Number(a.endsWith('.')) - Number(b.endsWith('.')) : b.length - a.length;
}

/** For each domain an authority that no more specific one has; where prefixes and suffixes meet, one for each pair. */
function* representatives(
  domains: readonly string[],
): Generator<{ domain: string; sample: string; pattern: string }> {
  const prefixes = domains.filter((domain) => domainKind(domain) === 'prefix');
  for (const domain of domains) {
    const pattern = patternOf(domain);
    switch (domainKind(domain)) {
      case 'exact':
        yield { domain, sample: domain, pattern };
        break;
      case 'suffix': {
        yield { domain, sample: fill('', domain.slice(1), domains), pattern };
        for (const prefix of prefixes)
          yield { domain, sample: fill(prefix.slice(0, -1), domain.slice(1), domains), pattern };
        break;
      }
      case 'prefix':
        yield { domain, sample: fill(domain.slice(0, -1), '', domains), pattern };
        break;
      default:
        yield { domain, sample: fill('', '.example', domains), pattern };
    }
  }
}

/** A filling that does not happen to be a domain itself. */
function fill(head: string, tail: string, domains: readonly string[]): string {
  const plain = head + FILLER + tail;
  return domains.includes(plain) ||
    domains.some((each) => each === `*${plain.slice(FILLER.length)}` && head !== '')
    ? head + ODD_FILLER + tail
    : plain;
}

/** The hosts of a domain as RE2. */
function patternOf(domain: string): string {
  switch (domainKind(domain)) {
    case 'exact':
      return quotePattern(domain);
    case 'suffix':
      return `.+${quotePattern(domain.slice(1))}`;
    case 'prefix':
      return `${quotePattern(domain.slice(0, -1))}.+`;
    default:
      return '.*';
  }
}

function authorityPattern(patterns: readonly string[], ignorePort: boolean): string {
  const hosts = `(?i:${[...new Set(patterns)].join('|')})`;
  return ignorePort ? `${hosts}(?::[^:\\]\\x00\\r\\n]*)?` : hosts;
}

/** True when some of the domain's hosts may also be hosts of the class's wildcards. */
function isWithin(domain: string, own: readonly string[]): boolean {
  return own.some((each) => domainKind(each) !== 'exact' && byKind(domain, each) < 0);
}
