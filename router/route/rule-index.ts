/**
 * The routes of a virtual host, found by what a request has instead of tried in order. Each route is filed under
 * one of its conditions, the one that sets it apart most: a path, a header or a query parameter that is, begins
 * with, or matches something. Those filed together are filed again under another one, until few are left to
 * try. A request then looks only where its own path, headers and parameters lead. `rule-filing.ts` makes what is
 * searched here. Imports nothing but its siblings.
 */
import { holdBesides } from './condition.ts';
import { conditionsOf, type PreparedRoute } from './prepared.ts';
import type { RegexBucket } from './regex-index.ts';
import { NO_MATCH } from './regex-set.ts';
import { pseudoHeader, queryOf, queryValue, type RequestView } from './request.ts';
import { asciiLower } from './string-match.ts';
import { foldMatches, type TextIndex } from './text-index.ts';

/** See {@link findRule}. */
export interface RuleIndex {
  readonly routes: readonly PreparedRoute[];
  readonly root: Files;
}

/** Routes filed together. */
export interface Files {
  readonly kind: 'files';
  /** The lowest position of all routes here: where a route before it is found, nothing here matters. */
  readonly first: number;
  /** Drawers that are asked one by one. */
  readonly drawers: readonly Drawer[];
  /** Those of headers, where there are more of them than a request has headers. */
  readonly byHeader: ReadonlyMap<string, Drawer> | undefined;
  readonly byQuery: ReadonlyMap<string, Drawer> | undefined;
  /** Routes tried in order: their positions, and which of their conditions are known to hold by now, as bits. */
  readonly positions: readonly number[];
  readonly known: readonly number[];
}

/** What is filed by one field of the request. */
export interface Drawer {
  readonly field: Field;
  readonly first: number;
  readonly texts: TextIndex<Folder> | undefined;
  /** By the text in lower case. */
  readonly lowerTexts: TextIndex<Folder> | undefined;
  /** By how the text ends. */
  readonly endings: TextIndex<Folder> | undefined;
}

/** What is found in a drawer. */
export type Folder = Papers | RegexBucket<Papers>;

/**
 * Files; or, in place of them, a single route: its position where no condition is left to try, and `~position`
 * where the path has only to begin with a slash, as a rule without a path asks.
 */
export type Papers = number | SingleRoute | Files;

/** A route filed by itself. */
export interface SingleRoute {
  readonly kind: 'route';
  /** Its position. */
  readonly first: number;
  /** Which of its conditions are known to hold by now, as bits. */
  readonly known: number;
}

/** What of the request a drawer is filed by. */
export type Field =
  | { readonly kind: 'path' }
  | { readonly kind: 'header' | 'pseudo' | 'query'; readonly name: string };

/** Above every position; a small integer, which engines keep without allocating. */
export const NO_ROUTE = 2 ** 30 - 1;
/** In place of the bits of known conditions: all of them. */
export const ALL_KNOWN = -1;

/** The first route whose conditions hold: what the reference finds. */
export function findRule(index: RuleIndex, view: RequestView): PreparedRoute | undefined {
  const position = searchFiles(index.root, NO_ROUTE, index.routes, view);
  return position === NO_ROUTE ? undefined : index.routes[position];
}

/** The lowest position of a route that holds, of those here and the one found before. */
function searchFiles(
  files: Files,
  found: number,
  routes: readonly PreparedRoute[],
  view: RequestView,
): number {
  let best = found;
  if (files.first >= best) return best;
  for (const drawer of files.drawers) {
    if (drawer.first < best) best = searchDrawer(drawer, best, routes, view);
  }
  if (files.byHeader) {
    for (const [name, value] of view.headers) {
      const drawer = files.byHeader.get(name);
      if (drawer && drawer.first < best) best = searchText(drawer, value, best, routes, view);
    }
  }
  if (files.byQuery) {
    for (const [name, value] of queryOf(view)) {
      const drawer = files.byQuery.get(name);
      if (drawer && drawer.first < best) best = searchText(drawer, value, best, routes, view);
    }
  }
  const { positions, known } = files;
  for (let index = 0; index < positions.length; index++) {
    const position = positions[index]!;
    if (position >= best) break;
    if (known[index] === ALL_KNOWN || holdBesides(conditionsOf(routes[position]!), known[index]!, view)) {
      return position;
    }
  }
  return best;
}

function searchDrawer(
  drawer: Drawer,
  found: number,
  routes: readonly PreparedRoute[],
  view: RequestView,
): number {
  const { field } = drawer;
  switch (field.kind) {
    case 'path':
      return searchText(drawer, view.barePath, found, routes, view);
    case 'pseudo':
      return searchText(drawer, pseudoHeader(view, field.name)!, found, routes, view);
    case 'query': {
      const value = queryValue(view, field.name);
      return value === undefined ? found : searchText(drawer, value, found, routes, view);
    }
    case 'header': {
      let best = found;
      const { headers } = view;
      for (let index = 0; index < headers.length; index++) {
        const header = headers[index]!;
        if (header[0] === field.name) best = searchText(drawer, header[1], best, routes, view);
      }
      return best;
    }
  }
}

function searchText(
  { texts, lowerTexts, endings }: Drawer,
  text: string,
  found: number,
  routes: readonly PreparedRoute[],
  view: RequestView,
): number {
  let best = found;
  if (texts) best = foldMatches(texts, text, searchFolder, best, routes, view);
  if (lowerTexts) best = foldMatches(lowerTexts, asciiLower(text), searchFolder, best, routes, view);
  if (endings) best = foldMatches(endings, text, searchFolder, best, routes, view);
  return best;
}

function searchFolder(
  folder: Folder,
  found: number,
  text: string,
  routes: readonly PreparedRoute[],
  view: RequestView,
): number {
  if (typeof folder === 'number') {
    if (folder >= 0) return folder < found ? folder : found;
    return ~folder < found && view.barePath.charCodeAt(0) === SLASH ? ~folder : found;
  }
  if (folder.first >= found) return found;
  if (folder.kind === 'route') {
    const { first, known } = folder;
    return holdBesides(conditionsOf(routes[first]!), known, view) ? first : found;
  }
  if (folder.kind === 'files') return searchFiles(folder, found, routes, view);
  const { set, values } = folder;
  const match = set.match(folder.group, text);
  if (match === NO_MATCH) return found;
  if (match > NO_MATCH) return searchFolder(values[match]!, found, text, routes, view);
  let best = found;
  for (const member of set.several(match)) best = searchFolder(values[member]!, best, text, routes, view);
  return best;
}

const SLASH = '/'.charCodeAt(0);
