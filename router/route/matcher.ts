/**
 * The fast matcher: finds what the reference finds, through indexes that are made before the first request. What
 * a new table has in common with one before, virtual hosts whole, keeps its index. Imports nothing but its
 * siblings.
 */
import { type HostIndex, indexHosts, lookUpHost } from './host-index.ts';
import type { PreparedListener, PreparedTable, PreparedVirtualHost } from './prepared.ts';
import { type FoundVirtualHost, hostOf, type Matcher } from './reference.ts';
import { findRule, indexRules, type RuleIndex } from './rule-index.ts';

/** A domain with the routes it leads to. */
interface IndexedHost extends FoundVirtualHost {
  readonly rules: RuleIndex;
}

/** A matcher for the table. */
export function createMatcher(table: PreparedTable): Matcher<IndexedHost> {
  const hosts = new Map(table.listeners.map((listener) => [listener, hostsOf(listener)]));
  return {
    findVirtualHost: (listener, authority) => {
      const index = hosts.get(listener);
      return index && lookUpHost(index, hostOf(listener, authority));
    },
    findRoute: ({ rules }, view) => findRule(rules, view),
  };
}

function hostsOf({ virtualHosts }: PreparedListener): HostIndex<IndexedHost> {
  return indexHosts(
    virtualHosts.flatMap((virtualHost) => {
      const rules = rulesOf(virtualHost);
      return virtualHost.virtualHost.domains.map((domain) => ({ virtualHost, domain, rules }));
    }),
  );
}

const indexes = new WeakMap<PreparedVirtualHost, RuleIndex>();

function rulesOf(virtualHost: PreparedVirtualHost): RuleIndex {
  let index = indexes.get(virtualHost);
  if (!index) {
    index = indexRules(virtualHost.routes);
    indexes.set(virtualHost, index);
  }
  return index;
}
