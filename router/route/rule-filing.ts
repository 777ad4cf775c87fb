/**
 * Files the routes of a virtual host: each under the one of its conditions that the fewest others share. Imports
 * table types.
 */
import { NONE } from '../table/none.ts';
import type { PathMatch, RouteMatch, StringMatch } from '../table/route-table.ts';
import type { PreparedRoute } from './prepared.ts';
import { type IndexedRegex, indexRegexes } from './regex-index.ts';
import { isPseudoHeader } from './request.ts';
import {
  ALL_KNOWN,
  type Drawer,
  type Field,
  type Files,
  type Folder,
  NO_ROUTE,
  type Papers,
  type RuleIndex,
} from './rule-index.ts';
import { asciiLower } from './string-match.ts';
import { createTextIndex, type IndexedText } from './text-index.ts';

/** So few routes are tried without an index. */
const FEW_ROUTES = 4;
/** So few drawers are asked one by one. */
const FEW_DRAWERS = 4;
/** Conditions after these are not filed under; they would have no bit. */
const MAX_KNOWN = 30;

/** An index of the routes of one virtual host. */
export function indexRules(routes: readonly PreparedRoute[]): RuleIndex {
  const candidates = routes.map(
    ({ route }, position): Candidate => ({ position, known: 0, match: route.match }),
  );
  return { routes, root: file(candidates) };
}

/** A route on its way into the index. */
interface Candidate {
  readonly position: number;
  /** Conditions that hold for every request that comes this far, as bits. */
  readonly known: number;
  readonly match: RouteMatch;
}

/** A condition that a route can be filed under. */
interface Filing {
  readonly field: Field;
  /** Place among the route's conditions. */
  readonly index: number;
  readonly match: StringMatch | PathMatch;
  readonly ignoreCase: boolean;
  /** The same for the same condition on the same field. */
  readonly key: string;
}

function file(candidates: readonly Candidate[]): Files {
  if (candidates.length <= FEW_ROUTES) return arrange([], candidates);
  const filings = candidates.map(filingsOf);
  const sizes = new Map<string, number>();
  for (const each of filings) for (const { key } of each) sizes.set(key, (sizes.get(key) ?? 0) + 1);
  const rest: Candidate[] = [];
  const byField = new Map<string, Filed[]>();
  for (const [index, candidate] of candidates.entries()) {
    const filing = mostTelling(filings[index]!, sizes);
    // Together with most others a route is not set apart.
    if (!filing || sizes.get(filing.key)! > candidates.length / 2) {
      rest.push(candidate);
      continue;
    }
    const field = fieldKey(filing.field);
    const known = candidate.known | (1 << filing.index);
    const filed = { filing, candidate: { ...candidate, known } };
    const others = byField.get(field);
    if (others) others.push(filed);
    else byField.set(field, [filed]);
  }
  return arrange([...byField.values()].map(fillDrawer), rest);
}

function arrange(all: readonly Drawer[], rest: readonly Candidate[]): Files {
  const drawers = all.filter(({ field }) => field.kind === 'path' || field.kind === 'pseudo');
  const named = (kind: Field['kind']) => {
    const own = all.filter(({ field }) => field.kind === kind);
    if (own.length > FEW_DRAWERS) {
      return new Map(own.map((drawer) => ['name' in drawer.field ? drawer.field.name : '', drawer]));
    }
    drawers.push(...own);
    return undefined;
  };
  const byHeader = named('header');
  const byQuery = named('query');
  drawers.sort((a, b) => a.first - b.first);
  return {
    kind: 'files',
    first: all.reduce((first, drawer) => Math.min(first, drawer.first), rest[0]?.position ?? NO_ROUTE),
    drawers: drawers.length > 0 ? drawers : NONE,
    byHeader,
    byQuery,
    positions: rest.map(({ position }) => position),
    known:
      rest.length > 0 ? rest.map(({ known, match }) => (isAllKnown(known, match) ? ALL_KNOWN : known)) : NONE,
  };
}

function isAllKnown(known: number, { headers, queryParams, claims }: RouteMatch): boolean {
  const count = 1 + headers.length + queryParams.length + claims.length;
  return count <= MAX_KNOWN && known === 2 ** count - 1;
}

/** The conditions that a route can still be filed under. One that asks for absence leads nowhere. */
function filingsOf({ match, known }: Candidate): Filing[] {
  const filings: Filing[] = [];
  const add = (index: number, field: Field, wanted: StringMatch | PathMatch, ignoreCase = false) => {
    if (index >= MAX_KNOWN || known & (1 << index)) return;
    const value = wanted.kind === 'any' ? '' : wanted.value;
    const key = `${fieldKey(field)}\n${wanted.kind}\n${ignoreCase}\n${value}`;
    filings.push({ field, index, match: wanted, ignoreCase, key });
  };
  const { path } = match;
  add(0, { kind: 'path' }, path, path.ignoreCase && path.kind !== 'regex');
  for (const [index, { name, value, invert }] of match.headers.entries()) {
    if (!invert) add(1 + index, { kind: isPseudoHeader(name) ? 'pseudo' : 'header', name }, value);
  }
  for (const [index, { name, value }] of match.queryParams.entries()) {
    add(1 + match.headers.length + index, { kind: 'query', name }, value);
  }
  return filings;
}

function fieldKey(field: Field): string {
  return field.kind === 'path' ? 'path' : `${field.kind} ${field.name}`;
}

/** That which the fewest share; a regex, which costs more to look up, has to be much rarer. */
function mostTelling(filings: readonly Filing[], sizes: ReadonlyMap<string, number>): Filing | undefined {
  let best: Filing | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const filing of filings) {
    const cost = sizes.get(filing.key)! * (filing.match.kind === 'regex' ? 8 : 1);
    if (cost >= bestCost) continue;
    best = filing;
    bestCost = cost;
  }
  return best;
}

interface Filed {
  readonly filing: Filing;
  readonly candidate: Candidate;
}

function fillDrawer(all: readonly Filed[]): Drawer {
  const alike = new Map<string, Filed[]>();
  for (const filed of all) {
    const others = alike.get(filed.filing.key);
    if (others) others.push(filed);
    else alike.set(filed.filing.key, [filed]);
  }
  const texts: IndexedText<Folder>[] = [];
  const lowerTexts: IndexedText<Folder>[] = [];
  const regexes: IndexedRegex<Papers>[] = [];
  for (const filed of alike.values()) {
    const { match, ignoreCase } = filed[0]!.filing;
    const candidates = filed.map(({ candidate }) => candidate);
    const value = candidates.length === 1 ? singleRoute(candidates[0]!) : papersOf(file(candidates));
    if (match.kind === 'any') texts.push({ kind: 'prefix', text: '', value });
    else if (match.kind !== 'regex') {
      const text = ignoreCase ? asciiLower(match.value) : match.value;
      (ignoreCase ? lowerTexts : texts).push({ kind: match.kind, text, value });
    } else if (match.program) {
      regexes.push({ program: match.program, value, first: candidates[0]!.position });
    }
  }
  const { beginnings, endings } = indexRegexes(regexes);
  texts.push(...beginnings);
  return {
    field: all[0]!.filing.field,
    // Candidates stand in the order of their positions, here and in every group made of them.
    first: all[0]!.candidate.position,
    texts: texts.length > 0 ? createTextIndex(texts) : undefined,
    lowerTexts: lowerTexts.length > 0 ? createTextIndex(lowerTexts) : undefined,
    endings: endings.length > 0 ? createTextIndex(endings, true) : undefined,
  };
}

function singleRoute({ position, known, match }: Candidate): Papers {
  if (isAllKnown(known, match)) return position;
  const isAnyPath = match.path.kind === 'prefix' && match.path.value === '/';
  return isAnyPath && isAllKnown(known | 1, match) ? ~position : { kind: 'route', first: position, known };
}

/** Where the first of all routes here has nothing left to be tried, the others do not matter. */
function papersOf(files: Files): Papers {
  return files.known[0] === ALL_KNOWN && files.first === files.positions[0] ? files.first : files;
}
