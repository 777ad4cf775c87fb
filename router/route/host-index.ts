/** Virtual hosts by domain, so that their number does not matter to a lookup. Imports nothing but its siblings. */
import { domainKind, type FoundVirtualHost } from './reference.ts';
import { createTextIndex, foldMatches, type IndexedText, type TextIndex } from './text-index.ts';

/** See {@link indexHosts}. */
export interface HostIndex<Found extends FoundVirtualHost> {
  readonly exact: ReadonlyMap<string, Found>;
  /** Those with a wildcard, in {@link suffixes} and {@link prefixes} by place in this list. */
  readonly wildcards: readonly Found[];
  /** By what stands after the `*`. */
  readonly suffixes: TextIndex<number> | undefined;
  /** By what stands before the `*`. */
  readonly prefixes: TextIndex<number> | undefined;
  readonly any: Found | undefined;
}

const NOT_FOUND = -1;

/** An index of domains with the virtual hosts they lead to; the first of a domain given twice is kept. */
export function indexHosts<Found extends FoundVirtualHost>(all: readonly Found[]): HostIndex<Found> {
  const exact = new Map<string, Found>();
  const wildcards: Found[] = [];
  const suffixes: IndexedText<number>[] = [];
  const prefixes: IndexedText<number>[] = [];
  let any: Found | undefined;
  for (const found of all) {
    const { domain } = found;
    switch (domainKind(domain)) {
      case 'exact':
        if (!exact.has(domain)) exact.set(domain, found);
        break;
      case 'suffix':
        suffixes.push({ kind: 'prefix', text: domain.slice(1), value: wildcards.push(found) - 1 });
        break;
      case 'prefix':
        prefixes.push({ kind: 'prefix', text: domain.slice(0, -1), value: wildcards.push(found) - 1 });
        break;
      case 'any':
        any ??= found;
    }
  }
  return {
    exact,
    wildcards,
    suffixes: suffixes.length > 0 ? createTextIndex(suffixes, true) : undefined,
    prefixes: prefixes.length > 0 ? createTextIndex(prefixes) : undefined,
    any,
  };
}

/** What the host, in lower case and without port, leads to. */
export function lookUpHost<Found extends FoundVirtualHost>(
  { exact, wildcards, suffixes, prefixes, any }: HostIndex<Found>,
  host: string,
): Found | undefined {
  const own = exact.get(host);
  if (own) return own;
  let place = NOT_FOUND;
  if (suffixes) place = foldMatches(suffixes, host, longer, NOT_FOUND, wildcards, 0);
  if (place === NOT_FOUND && prefixes) place = foldMatches(prefixes, host, longer, NOT_FOUND, wildcards, 0);
  return place === NOT_FOUND ? any : wildcards[place];
}

/** Of two that fit the longer, which comes later, and of the same domain the first; the wildcard stands for something. */
function longer(place: number, before: number, host: string, wildcards: readonly FoundVirtualHost[]): number {
  const { domain } = wildcards[place]!;
  const isSame = before !== NOT_FOUND && wildcards[before]!.domain === domain;
  return isSame || domain.length > host.length ? before : place;
}
