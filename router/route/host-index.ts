/** Virtual hosts by domain, so that their number does not matter to a lookup. Imports nothing but its siblings. */
import type { Steps } from '../steps.ts';
import type { PreparedListener } from './prepared.ts';
import { domainKind, hostOf, withoutPort } from './reference.ts';
import { asciiLower } from './string-match.ts';
import { createTextIndex, foldMatches, type IndexedText, type TextIndex } from './text-index.ts';

/** Domains with the places of their virtual hosts in a list. */
export interface HostIndex {
  readonly exact: ReadonlyMap<string, number>;
  /** No exact domain has what a request's authority loses before it is compared: a port, or capitals. */
  readonly isPlain: boolean;
  readonly wildcards: readonly Wildcard[];
  /** Places in {@link wildcards}, by what stands after the `*`. */
  readonly suffixes: TextIndex<number> | undefined;
  /** The same by what stands before the `*`. */
  readonly prefixes: TextIndex<number> | undefined;
  /** {@link NO_HOST} without a domain `*`. */
  readonly any: number;
}

interface Wildcard {
  readonly domain: string;
  readonly place: number;
}

/** In place of a place: no domain takes the host. */
export const NO_HOST = -1;

/** An index of each virtual host's domains; a domain given twice is the first one's. */
export function* indexHosts(all: readonly (readonly string[])[]): Steps<HostIndex> {
  const exact = new Map<string, number>();
  const wildcards: Wildcard[] = [];
  const suffixes: IndexedText<number>[] = [];
  const prefixes: IndexedText<number>[] = [];
  let any = NO_HOST;
  let isPlain = true;
  for (const [place, domains] of all.entries()) {
    yield;
    for (const domain of domains) {
      switch (domainKind(domain)) {
        case 'exact':
          if (!exact.has(domain)) exact.set(domain, place);
          isPlain &&= withoutPort(asciiLower(domain)) === domain;
          break;
        case 'suffix':
          suffixes.push({
            kind: 'prefix',
            text: domain.slice(1),
            value: wildcards.push({ domain, place }) - 1,
          });
          break;
        case 'prefix':
          prefixes.push({
            kind: 'prefix',
            text: domain.slice(0, -1),
            value: wildcards.push({ domain, place }) - 1,
          });
          break;
        case 'any':
          if (any === NO_HOST) any = place;
      }
    }
  }
  return {
    exact,
    isPlain,
    wildcards,
    suffixes: suffixes.length > 0 ? createTextIndex(suffixes, true) : undefined,
    prefixes: prefixes.length > 0 ? createTextIndex(prefixes) : undefined,
    any,
  };
}

/** The place of the virtual host that takes the authority; else {@link NO_HOST}. */
export function lookUpHost(index: HostIndex, listener: PreparedListener, authority: string): number {
  const { exact, isPlain, wildcards, suffixes, prefixes, any } = index;
  if (isPlain) {
    const own = exact.get(authority);
    if (own !== undefined) return own;
  }
  const host = hostOf(listener, authority);
  if (!isPlain || host !== authority) {
    const own = exact.get(host);
    if (own !== undefined) return own;
  }
  let found = NO_HOST;
  if (suffixes) found = foldMatches(suffixes, host, longer, NO_HOST, wildcards, 0);
  if (found === NO_HOST && prefixes) found = foldMatches(prefixes, host, longer, NO_HOST, wildcards, 0);
  return found === NO_HOST ? any : wildcards[found]!.place;
}

/** Of two that fit the longer, which comes later, and of the same domain the first; the wildcard stands for something. */
function longer(next: number, before: number, host: string, wildcards: readonly Wildcard[]): number {
  const { domain } = wildcards[next]!;
  const isSame = before !== NO_HOST && wildcards[before]!.domain === domain;
  return isSame || domain.length > host.length ? before : next;
}
