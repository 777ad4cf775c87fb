/** A rule that delegates, and the rules of its delegate, as one list. Imports schema types. */
import type { StringMatch } from '../schema/string-match.ts';
import type { HTTPMatchRequest, HTTPRoute } from '../schema/virtual-service.ts';

/** A delegate's rule under its root's. */
export interface MergedRule {
  readonly rule: HTTPRoute;
  /** Index of the rule in the delegate's `http`. */
  readonly index: number;
  /** For each of the rule's matches its index in the delegate's list; undefined where only the root has matches. */
  readonly matchIndexes: readonly (number | undefined)[];
  /** For each of them the index of the root's match in it; undefined where only the delegate has matches. */
  readonly rootIndexes: readonly (number | undefined)[];
}

/**
 * The delegate's rules, each narrowed by the root's match and completed by what only the root says. A rule
 * with a match that fits none of the root's is left out.
 *
 * Source: Istio `pilot/pkg/model/virtualservice.go` (MergeHTTPRoutes).
 */
export function mergeDelegate(root: HTTPRoute, delegate: readonly HTTPRoute[]): MergedRule[] {
  return delegate.flatMap((rule, index) => {
    const matches = mergeMatches(root.match ?? [], rule.match ?? []);
    if (!matches) return [];
    const { delegate: _, ...rest } = root;
    const merged: HTTPRoute = {
      ...pick(rest, [
        'rewrite',
        'directResponse',
        'timeout',
        'retries',
        'fault',
        'mirror',
        'mirrorPercent',
        'mirrorPercentage',
        'corsPolicy',
        'mirrors',
        'headers',
      ]),
      ...dropUndefined(rule),
      match: matches.map((each) => each.match),
    };
    const name = joinNames(root.name, rule.name);
    if (name) merged.name = name;
    const matchIndexes = matches.map((each) => each.index);
    return [{ rule: merged, index, matchIndexes, rootIndexes: matches.map((each) => each.rootIndex) }];
  });
}

interface MergedMatch {
  readonly match: HTTPMatchRequest;
  readonly index: number | undefined;
  readonly rootIndex: number | undefined;
}

/** Undefined when a delegate's match fits none of the root's. */
function mergeMatches(
  root: readonly HTTPMatchRequest[],
  delegate: readonly HTTPMatchRequest[],
): MergedMatch[] | undefined {
  if (delegate.length === 0) return root.map((match, rootIndex) => ({ match, index: undefined, rootIndex }));
  if (root.length === 0) return delegate.map((match, index) => ({ match, index, rootIndex: undefined }));
  const merged: MergedMatch[] = [];
  for (const [index, match] of delegate.entries()) {
    const fitting = [...root.entries()].filter(([, each]) => !conflicts(each, match));
    if (fitting.length === 0) return undefined;
    merged.push(
      ...fitting.map(([rootIndex, each]) => ({ match: mergeMatch(each, match), index, rootIndex })),
    );
  }
  return merged;
}

function mergeMatch(root: HTTPMatchRequest, delegate: HTTPMatchRequest): HTTPMatchRequest {
  const merged: HTTPMatchRequest = {
    ...pick(root, ['uri', 'scheme', 'method', 'authority']),
    ...dropUndefined(delegate),
    headers: { ...root.headers, ...delegate.headers },
    withoutHeaders: { ...root.withoutHeaders, ...delegate.withoutHeaders },
    queryParams: { ...root.queryParams, ...delegate.queryParams },
    sourceLabels: { ...root.sourceLabels, ...delegate.sourceLabels },
  };
  const name = joinNames(root.name, delegate.name);
  if (name) merged.name = name;
  const port = delegate.port || root.port;
  if (port) merged.port = port;
  const sourceNamespace = delegate.sourceNamespace || root.sourceNamespace;
  if (sourceNamespace) merged.sourceNamespace = sourceNamespace;
  const gateways = delegate.gateways?.length ? delegate.gateways : root.gateways;
  if (gateways) merged.gateways = gateways;
  return merged;
}

/**
 * True when the delegate's match asks for something that the root's does not let through.
 *
 * Source: Istio `pilot/pkg/model/virtualservice.go` (hasConflict).
 */
function conflicts(root: HTTPMatchRequest, leaf: HTTPMatchRequest): boolean {
  if (
    stringsConflict(root.uri, leaf.uri) ||
    stringsConflict(root.scheme, leaf.scheme) ||
    stringsConflict(root.method, leaf.method) ||
    stringsConflict(root.authority, leaf.authority) ||
    mapsConflict(root.headers, leaf.headers) ||
    mapsConflict(root.withoutHeaders, leaf.withoutHeaders) ||
    mapsConflict(root.queryParams, leaf.queryParams)
  ) {
    return true;
  }
  if ((root.ignoreUriCase ?? false) !== (leaf.ignoreUriCase ?? false)) return true;
  if (root.port && leaf.port && root.port !== leaf.port) return true;
  if (root.sourceNamespace && leaf.sourceNamespace !== root.sourceNamespace) return true;
  const labels = new Map(Object.entries(root.sourceLabels ?? {}));
  if (Object.entries(leaf.sourceLabels ?? {}).some(([key, value]) => (labels.get(key) ?? value) !== value)) {
    return true;
  }
  const gateways = leaf.gateways ?? [];
  if (root.gateways?.length && gateways.length > 0) {
    const allowed = root.gateways;
    return gateways.length > allowed.length || gateways.some((gateway) => !allowed.includes(gateway));
  }
  return false;
}

function mapsConflict(
  root: Readonly<Record<string, StringMatch>> | undefined,
  leaf: Readonly<Record<string, StringMatch>> | undefined,
): boolean {
  const roots = new Map(Object.entries(root ?? {}));
  return Object.entries(leaf ?? {}).some(([key, match]) => stringsConflict(roots.get(key), match));
}

/**
 * A regex fits nothing but silence; an exact or prefix has to be narrower than the root's. Two matches that
 * say nothing at all conflict too, as in Istio.
 *
 * Source: Istio `pilot/pkg/model/virtualservice.go` (stringMatchConflict).
 */
function stringsConflict(root: StringMatch | undefined, leaf: StringMatch | undefined): boolean {
  if (!root || !leaf) return false;
  const says = (match: StringMatch) => match.regex || match.prefix || match.exact;
  if (root.regex && says(leaf)) return true;
  if (leaf.regex && says(root)) return true;
  if (root.exact) return Boolean(leaf.prefix) || leaf.exact !== root.exact;
  if (root.prefix) {
    const narrower = leaf.prefix || leaf.exact;
    if (narrower) return !narrower.startsWith(root.prefix);
  }
  return true;
}

function joinNames(root: string | undefined, leaf: string | undefined): string {
  return root && leaf ? `${root}-${leaf}` : leaf || root || '';
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(
    keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])),
  ) as Pick<T, K>;
}

function dropUndefined<T extends object>(from: T): T {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as T;
}
