/**
 * The fast matcher: finds what the reference finds, through indexes that are made before the first request. What
 * a table has in common with one before, virtual hosts whole or their domains, keeps its index. Imports nothing but
 * its siblings.
 */
import { finish, type Steps } from '../steps.ts';
import { type HostIndex, indexHosts, lookUpHost, NO_HOST } from './host-index.ts';
import type { PreparedListener, PreparedTable, PreparedVirtualHost } from './prepared.ts';
import type { MatchedHost, Matcher } from './reference.ts';
import { indexRules } from './rule-filing.ts';
import { findRule, type RuleIndex } from './rule-index.ts';

/** A virtual host with its index. */
interface IndexedHost extends MatchedHost {
  readonly rules: RuleIndex;
}

/** A matcher for the table. */
export function createMatcher(table: PreparedTable): Matcher<IndexedHost> {
  return finish(createMatcherInSteps(table));
}

/** {@link createMatcher} for who has other things to do meanwhile. */
export function* createMatcherInSteps(table: PreparedTable): Steps<Matcher<IndexedHost>> {
  const indexes: ListenerIndex[] = [];
  for (const listener of table.listeners) indexes.push(yield* indexListener(listener));
  return {
    findVirtualHost(listener, authority) {
      const { hosts, domains } = indexes[listener.place]!;
      const place = lookUpHost(domains, listener, authority);
      return place === NO_HOST ? undefined : hosts[place];
    },
    findRoute: ({ rules }, view) => findRule(rules, view),
  };
}

interface ListenerIndex {
  readonly hosts: readonly IndexedHost[];
  readonly domains: HostIndex;
}

const listenerIndexes = new WeakMap<PreparedListener['virtualHosts'], ListenerIndex>();

function* indexListener({ virtualHosts }: PreparedListener): Steps<ListenerIndex> {
  const known = listenerIndexes.get(virtualHosts);
  if (known) return known;
  const hosts: IndexedHost[] = [];
  for (const each of virtualHosts) {
    hosts.push(indexedHost(each));
    yield;
  }
  const index = { hosts, domains: yield* domainsOf(virtualHosts) };
  listenerIndexes.set(virtualHosts, index);
  return index;
}

const indexedHosts = new WeakMap<PreparedVirtualHost, IndexedHost>();

function indexedHost(virtualHost: PreparedVirtualHost): IndexedHost {
  let indexed = indexedHosts.get(virtualHost);
  if (!indexed) {
    indexed = { virtualHost, rules: indexRules(virtualHost.routes) };
    indexedHosts.set(virtualHost, indexed);
  }
  return indexed;
}

type Domains = readonly string[];

/** The latest index of a list of virtual hosts, by the domains of the first. */
const domainIndexes = new WeakMap<Domains, { readonly all: readonly Domains[]; readonly index: HostIndex }>();

/** Where rules have changed and hosts have not, the lists of domains are still the same objects. */
function* domainsOf(virtualHosts: readonly PreparedVirtualHost[]): Steps<HostIndex> {
  const all = virtualHosts.map(({ virtualHost }) => virtualHost.domains);
  const [first] = all;
  const known = first && domainIndexes.get(first);
  if (known?.all.length === all.length && known.all.every((domains, place) => domains === all[place])) {
    return known.index;
  }
  const index = yield* indexHosts(all);
  if (first) domainIndexes.set(first, { all, index });
  return index;
}
