/**
 * Two lists of routes, each tried in order: for which requests do they come to different outcomes? For each route
 * of the one and each of the other, with different outcomes, it is asked whether a request is left that both take.
 * Exact where the algebra of regions is; what it cannot decide is told. Imports that algebra.
 */
import type { Route } from '../../router/index.ts';
import { plainlyImplies } from '../../router/region/guess.ts';
import type { Workspace } from '../../router/region/partition.ts';
import { indexPaths } from '../../router/region/path-index.ts';
import { decideRegion, type Sample } from '../../router/region/reach.ts';
import {
  isWhole,
  type Region,
  type Requirement,
  requestRequirements,
} from '../../router/region/requirement.ts';
import type { World } from '../../router/region/world.ts';
import { isSameOutcome, NO_ROUTE, outcomeOf, type RouteOutcome } from './outcome.ts';
import { witnessesOf } from './witness.ts';

/** One side of a difference; without a route no rule takes the requests. */
export interface DiffSide {
  readonly route?: Route;
  readonly outcome: RouteOutcome;
}

/** Requests that come to another outcome. */
export interface RouteMove {
  readonly before: DiffSide;
  readonly after: DiffSide;
  /** What both routes ask for. */
  readonly requirements: readonly Requirement[];
  /** True when there are earlier routes, which may take some of the requests that are like that. */
  readonly isRest: boolean;
  /** Some of the requests, of which those come first that are the plainest; none where it is not known whether there are any. */
  samples(): Iterable<MoveSample>;
}

/** One of the requests. */
export interface MoveSample {
  readonly sample: Sample;
  /** Of the client, where its address decides. */
  readonly sourceAddress?: string;
}

/** See {@link diffRoutes}. */
export interface RouteList {
  readonly routes: readonly Route[];
  /** Names of the clusters that exist. */
  readonly clusters: ReadonlySet<string>;
}

/** Earlier routes of which it is asked whether they have requests in common with a move, at most; others are taken to. */
const MAX_MEETINGS = 16;

/** Every pair of routes that requests move between, and those of which that is not known. */
export function diffRoutes(
  before: RouteList,
  after: RouteList,
  world: World,
  workspace: Workspace,
): RouteMove[] {
  const olds = entriesOf(before);
  const news = entriesOf(after);
  const index = indexPaths(workspace);
  const regions: Region[] = [];
  for (const { region } of [...olds, ...news]) {
    index.add(region, regions.length);
    regions.push(region);
  }
  const lastNew = coversOf(olds, news);
  const lastOld = coversOf(news, olds);
  const moves: RouteMove[] = [];
  for (const [i, old] of olds.entries()) {
    for (let j = 0; j <= lastNew[i]!; j++) {
      const next = news[j]!;
      if (i > lastOld[j]! || isSameOutcome(old.outcome, next.outcome) || areApart(old, next)) continue;
      const requirements = joined(old.region.requirements, next.region.requirements);
      const candidates = (path: string) =>
        index
          .candidates(path)
          .filter((position) => (position < olds.length ? position < i : position - olds.length < j));
      const whole = old.region.whole && next.region.whole;
      const region: Region = { requirements, whole, kept: requirements };
      const reach = decideRegion(region, regions, candidates, world, workspace);
      if (reach.verdict === 'never' || reach.verdict === 'impossible') continue;
      const sampleOf = (more: readonly Requirement[]): Sample | undefined => {
        const narrowed = joined(requirements, more);
        const asked: Region = { requirements: narrowed, whole, kept: narrowed };
        const found = decideRegion(asked, regions, candidates, world, workspace);
        return found.verdict === 'taken' ? found.example : undefined;
      };
      let tries = 0;
      const mayMeet = (earlier: Entry): boolean => {
        if (areApart(earlier, old) || areApart(earlier, next)) return false;
        if (++tries > MAX_MEETINGS) return true;
        const shared = joined(requirements, earlier.region.requirements);
        const asked: Region = { requirements: shared, whole: true, kept: shared };
        return decideRegion(asked, [], () => [], world, workspace).verdict !== 'impossible';
      };
      moves.push({
        before: sideOf(old),
        after: sideOf(next),
        requirements,
        isRest: [...olds.slice(0, i), ...news.slice(0, j)].some((each) => mayMeet(each)),
        *samples() {
          if (reach.verdict !== 'taken') return;
          yield { sample: reach.example };
          const witnesses = witnessesOf([old.route, next.route], world.authoritySamples);
          for (const { requirements: more, ...rest } of witnesses) {
            const sample = sampleOf(more);
            if (sample) yield { sample, ...rest };
          }
        },
      });
    }
  }
  return moves;
}

interface Entry extends DiffSide {
  readonly region: Region;
  /** The same for regions that ask the same. */
  readonly regionKey: string;
}

/** The routes that can be taken at all, and what becomes of requests that none takes. */
function entriesOf({ routes, clusters }: RouteList): Entry[] {
  const entries = routes
    // Nobody has shown a token here.
    .filter(({ match }) => match.claims.length === 0)
    .map((route): Entry => {
      const requirements = requestRequirements(route.match);
      return entry({ route, outcome: outcomeOf(route, clusters) }, requirements, isWhole(route.match));
    });
  return [...entries, entry({ outcome: NO_ROUTE }, [], true)];
}

function entry(side: DiffSide, requirements: readonly Requirement[], whole: boolean): Entry {
  const keys = requirements.map(({ key }) => key);
  const regionKey = JSON.stringify([whole, ...keys.sort()]);
  return { ...side, region: { requirements, whole, kept: requirements }, regionKey };
}

function sideOf({ route, outcome }: Entry): DiffSide {
  return { ...(route && { route }), outcome };
}

/** For each entry the first one of the other list that takes whatever of its requests gets so far: no later one has any. */
function coversOf(entries: readonly Entry[], others: readonly Entry[]): number[] {
  const byKey = new Map<string, number>();
  for (const [position, { regionKey, region }] of others.entries()) {
    if (region.whole && !byKey.has(regionKey)) byKey.set(regionKey, position);
  }
  return entries.map(({ region, regionKey }) => {
    const twin = byKey.get(regionKey);
    if (twin !== undefined) return twin;
    const cover = others.findIndex(
      (other) => other.region.whole && plainlyImplies(region.requirements, other.region.requirements),
    );
    return cover === -1 ? others.length - 1 : cover;
  });
}

/** True when it is plain that no request has both: most pairs of routes differ in an exact path or a prefix. */
function areApart(old: Entry, next: Entry): boolean {
  const [one, other] = [old.route?.match.path, next.route?.match.path];
  if (!one || !other || one.kind === 'regex' || other.kind === 'regex') return false;
  if (one.ignoreCase || other.ignoreCase) return false;
  if (one.kind === 'exact')
    return other.kind === 'exact' ? one.value !== other.value : !one.value.startsWith(other.value);
  if (other.kind === 'exact') return !other.value.startsWith(one.value);
  return !one.value.startsWith(other.value) && !other.value.startsWith(one.value);
}

function joined(one: readonly Requirement[], other: readonly Requirement[]): Requirement[] {
  return [...new Map([...one, ...other].map((each) => [each.key, each])).values()];
}
