/**
 * Istio's own warnings of rules that are never taken: equal conditions, rules after one without conditions,
 * and prefixes that an earlier prefix covers. Compares texts only; it is known to miss cases and, as its
 * comparison of headers is by prefix, to warn of some rules that are taken. Imports the schema's types.
 * Source: istio/istio pkg/config/validation/validation.go, analyzeUnreachableHTTPRules, coveredValidation
 */
import type { StringMatch } from '../schema/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute, VirtualServiceSpec } from '../schema/virtual-service.ts';
import { quote, type Spot } from './spot.ts';

/** Warns of rules and conditions that Istio's validation holds for unused. */
export function checkReachability(spec: VirtualServiceSpec, here: Spot): void {
  checkMatches(spec.http ?? [], here.at('http'));
  checkMatches(spec.tcp ?? [], here.at('tcp'));
  checkMatches(spec.tls ?? [], here.at('tls'));
  checkPrefixes(spec.http ?? [], here.at('http'));
}

function checkMatches(
  routes: readonly { readonly match?: readonly object[] | undefined }[],
  here: Spot,
): void {
  const seen = new Map<string, number>();
  let open = -1;
  for (const [index, route] of routes.entries()) {
    const place = here.at(index);
    const matches = route.match ?? [];
    if (matches.length === 0) {
      if (open >= 0)
        place.warning(
          'unreachable-rule',
          `Istio warns that the rule ${place} is never taken: ${here.at(open)} has no match and takes every request`,
        );
      open = index;
      continue;
    }
    if (open >= 0) {
      for (const _ of matches)
        place.warning(
          'unreachable-rule',
          `Istio warns that the rule ${place} is never taken: ${here.at(open)} has no match and takes every request`,
        );
      continue;
    }
    let duplicates = 0;
    for (const [matchIndex, match] of matches.entries()) {
      const text = canonicalText(match);
      const earlier = seen.get(text);
      if (earlier === undefined) {
        seen.set(text, index);
        continue;
      }
      duplicates += 1;
      place
        .at('match', matchIndex)
        .warning(
          'duplicate-match',
          `Istio warns that the condition ${place.at('match', matchIndex)} never decides: ${here.at(earlier)} has the same one`,
        );
    }
    if (duplicates === matches.length)
      place.warning(
        'unreachable-rule',
        `Istio warns that the rule ${place} is never taken: earlier rules have all its conditions`,
      );
  }
}

interface PrefixMatch {
  readonly index: number;
  readonly matchIndex: number;
  readonly prefix: string;
  readonly port: number;
  readonly method: string;
  readonly authority: string;
  readonly maps: readonly ReadonlyMap<string, string>[];
}

function checkPrefixes(routes: readonly HTTPRoute[], here: Spot): void {
  const prefixes: PrefixMatch[] = [];
  const seen = new Set<string>();
  for (const [index, route] of routes.entries()) {
    if ((route.match ?? []).length === 0) break;
    for (const [matchIndex, match] of route.match!.entries()) {
      const text = canonicalText(match);
      if (seen.has(text)) continue;
      seen.add(text);
      const found = prefixMatch(match, index, matchIndex);
      if (found !== undefined) prefixes.push(found);
    }
  }
  // Grouped by prefix, so that the work does not grow with the square of the rules.
  const byPrefix = new Map<string, PrefixMatch[]>();
  const lengths = new Set<number>();
  for (const later of prefixes) {
    for (const length of lengths) {
      if (length >= later.prefix.length) continue;
      for (const earlier of byPrefix.get(later.prefix.slice(0, length)) ?? []) {
        if (!covers(earlier, later)) continue;
        const place = here.at(later.index, 'match', later.matchIndex);
        const by = here.at(earlier.index, 'match', earlier.matchIndex);
        place.warning(
          'duplicate-match',
          `Istio warns that the prefix ${quote(later.prefix)} of ${place} never decides: ${by} takes ${quote(earlier.prefix)} before it`,
        );
      }
    }
    lengths.add(later.prefix.length);
    const group = byPrefix.get(later.prefix);
    if (group === undefined) byPrefix.set(later.prefix, [later]);
    else group.push(later);
  }
}

function prefixMatch(match: HTTPMatchRequest, index: number, matchIndex: number): PrefixMatch | undefined {
  const prefix = match.uri?.prefix;
  if (!prefix) return undefined;
  const texts = (map: Readonly<Record<string, StringMatch>> | undefined): ReadonlyMap<string, string> =>
    new Map(Object.entries(map ?? {}).map(([name, value]) => [name, comparable(value)]));
  return {
    index,
    matchIndex,
    prefix,
    port: match.port ?? 0,
    method: comparable(match.method) || 'exact:GET',
    authority: comparable(match.authority),
    maps: [texts(match.headers), texts(match.queryParams), texts(match.withoutHeaders)],
  };
}

function comparable(match: StringMatch | undefined): string {
  if (match?.exact) return `exact:${match.exact}`;
  return match?.prefix ? `prefix:${match.prefix}` : '';
}

/** For a later prefix that begins with the earlier one. */
function covers(earlier: PrefixMatch, later: PrefixMatch): boolean {
  if (earlier.port !== later.port) return false;
  if (!earlier.method.startsWith(later.method) || !earlier.authority.startsWith(later.authority))
    return false;
  return earlier.maps.every((map, index) => {
    const other = later.maps[index]!;
    return (
      map.size === other.size &&
      [...map].every(([name, value]) => other.has(name) && value.startsWith(other.get(name)!))
    );
  });
}

/** Equal for conditions that mean the same to the API: without name, defaults left out, keys in order. */
function canonicalText(match: object): string {
  const { name: _, ...rest } = match as { name?: string };
  return JSON.stringify(canonical(rest, false));
}

function canonical(value: unknown, inMap: boolean): unknown {
  if (Array.isArray(value)) return value.map((entry) => canonical(entry, true));
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(value).sort()) {
    const entry = (value as Record<string, unknown>)[key];
    const isText = key === 'exact' || key === 'prefix' || key === 'regex';
    const isDefault = entry === '' || entry === 0 || entry === false || entry === undefined;
    if (isDefault && !inMap && !isText) continue;
    if (Array.isArray(entry) && entry.length === 0) continue;
    const isMap =
      key === 'headers' || key === 'queryParams' || key === 'withoutHeaders' || key === 'sourceLabels';
    if (isMap && !inMap && Object.keys(entry as object).length === 0) continue;
    entries.push([key, canonical(entry, isMap && !inMap)]);
  }
  return entries;
}
