/**
 * Which rules of a list, tried in order, can be taken at all. A rule's region is compared with the union of the
 * earlier ones by looking for a request that escapes them: as long as one is caught by an earlier rule, that
 * rule's region is taken away, until a request gets through or nothing is left. Imports cells and boxes.
 */
import { type Box, subtractBoxes } from './box.ts';
import { type Cell, cellsOf, fulfils, type State } from './cell.ts';
import { guess, plainlyImplies } from './guess.ts';
import type { Workspace } from './partition.ts';
import { indexPaths } from './path-index.ts';
import type { Dimension, Region, Requirement } from './requirement.ts';
import type { World } from './world.ts';

/** A request by its dimensions; those not named are as {@link defaultState} has them. */
export type Sample = ReadonlyMap<string, State>;

/** What is known of one rule of the list. */
export type Reach =
  /** The example is a request that the rule takes. */
  | { readonly verdict: 'taken'; readonly example: Sample }
  /**
   * No request is left to it: the rules of `by`, positions in the list in rising order, take them all. The
   * example fulfils the rule's conditions, and an earlier rule takes it.
   */
  | { readonly verdict: 'never'; readonly by: readonly number[]; readonly example?: Sample }
  /** No request fulfils its conditions on this dimension. */
  | { readonly verdict: 'impossible'; readonly dimension: Dimension }
  /** Not decided within the limits. */
  | { readonly verdict: 'unknown' };

/** Earlier rules that are taken away from one rule's region, at most. */
const MAX_RULES = 64;
/** Boxes that are kept of one rule's region, at most. */
const MAX_BOXES = 2000;
/** Requests tried of what is left, before it is called undecided. */
const MAX_TRIES = 24;
/** Up to so many rules are reduced to those that are needed. */
const MAX_REDUCED = 16;

/** The verdict on each rule of the list; with `only`, on those positions alone, and `unknown` on the others. */
export function reachOf(
  regions: readonly Region[],
  world: World,
  workspace: Workspace,
  only?: ReadonlySet<number>,
): Reach[] {
  const index = indexPaths(workspace);
  return regions.map((region, position): Reach => {
    const isAsked = only?.has(position) ?? true;
    const reach = isAsked ? decideRegion(region, regions, index.candidates, world, workspace) : UNDECIDED;
    index.add(region, position);
    return reach;
  });
}

const UNDECIDED: Reach = { verdict: 'unknown' };

/**
 * The verdict on one region behind others. `candidates` gives, for a path, the positions in `regions` of all earlier
 * rules that may take it.
 */
export function decideRegion(
  region: Region,
  regions: readonly Region[],
  candidates: (path: string) => readonly number[],
  world: World,
  workspace: Workspace,
): Reach {
  const meets = (requirements: readonly Requirement[], sample: Sample): boolean =>
    requirements.every((each) => fulfils(each, stateOf(sample, each.dimension, world), workspace));
  const takersOf = (sample: Sample): number[] =>
    candidates(stateOf(sample, PATH, world)[0]!).filter((position) => meets(regions[position]!.kept, sample));
  // Of paths alone the usual texts are the plain ones.
  const isPlain = region.requirements.every(({ dimension }) => dimension.id === 'path');
  for (const kind of isPlain ? PATH_GUESSES : GUESSES) {
    const sample = guess(region.requirements, kind, world, workspace);
    if (sample === undefined || !meets(region.requirements, sample)) break;
    const takers = takersOf(sample);
    const real = arrives(sample, world);
    if (takers.length === 0 && real && region.whole) return { verdict: 'taken', example: sample };
    const over = takers.find(
      (position) => regions[position]!.whole && plainlyImplies(region.requirements, regions[position]!.kept),
    );
    if (over !== undefined) return { verdict: 'never', by: [over], ...(real && { example: sample }) };
  }

  const taken: number[] = [];
  let example: Sample | undefined;
  while (taken.length <= MAX_RULES) {
    const others = taken.map((position) => regions[position]!.kept);
    const field = fieldOf(region.requirements, others, world, workspace);
    const left = subtractBoxes(field.region, field.others, MAX_BOXES);
    if (left === undefined) break;
    const impossible = field.region.indexOf(0n);
    if (impossible !== -1) return { verdict: 'impossible', dimension: field.dimensions[impossible]! };
    if (left.length === 0) return { verdict: 'never', by: reduce(taken, field), ...(example && { example }) };
    let next: number | undefined;
    for (const sample of samplesOf(left, field, world)) {
      if (!meets(region.requirements, sample)) continue;
      const takers = takersOf(sample);
      const real = arrives(sample, world);
      if (takers.length === 0 && real && region.whole && field.whole)
        return { verdict: 'taken', example: sample };
      next = takers.find((position) => regions[position]!.whole && !taken.includes(position));
      if (next === undefined) continue;
      if (real) example ??= sample;
      break;
    }
    if (next === undefined) break;
    taken.push(next);
  }
  return UNDECIDED;
}

const GUESSES = ['usual', 'plain', 'odd'] as const;
const PATH_GUESSES = ['usual', 'odd'] as const;
const PATH: Dimension = { id: 'path', presence: 'one' };

/** A rule and others as boxes over the dimensions that they speak of. */
interface Field {
  readonly dimensions: readonly Dimension[];
  readonly cells: readonly (readonly Cell[])[];
  readonly region: Box;
  readonly others: readonly Box[];
  /** False when a dimension could not be cut into cells, so that the region is larger here than it is. */
  readonly whole: boolean;
}

function fieldOf(
  region: readonly Requirement[],
  others: readonly (readonly Requirement[])[],
  world: World,
  workspace: Workspace,
): Field {
  const everyone = [region, ...others];
  const dimensions = new Map<string, Dimension>();
  for (const requirements of everyone) {
    for (const { dimension } of requirements) dimensions.set(dimension.id, dimension);
  }
  const cells: (readonly Cell[])[] = [];
  const boxes: bigint[][] = everyone.map(() => []);
  let whole = true;
  for (const dimension of dimensions.values()) {
    const own = region.filter((each) => each.dimension.id === dimension.id);
    const distinct = new Map<string, Requirement>();
    for (const requirements of everyone) {
      for (const each of requirements) if (each.dimension.id === dimension.id) distinct.set(each.key, each);
    }
    const all = [...distinct.values()];
    const one = own.length < 2 && all.every((each) => each.kind === 'text' && !each.invert);
    const found = cellsOf(dimension, all, world, { one }, workspace);
    if (found === undefined) {
      // One cell stands for whatever fulfils the region's own conditions; others count if they ask no more.
      const asked = new Set(own.map(({ key }) => key));
      whole = false;
      cells.push([{ fulfils: 0n, samples: [] }]);
      for (const [index, requirements] of everyone.entries()) {
        const more = requirements.some((each) => each.dimension.id === dimension.id && !asked.has(each.key));
        boxes[index]!.push(more ? 0n : 1n);
      }
      continue;
    }
    cells.push(found);
    for (const [index, requirements] of everyone.entries()) {
      const keys = new Set(requirements.map(({ key }) => key));
      let wanted = 0n;
      for (const [bit, each] of all.entries()) if (keys.has(each.key)) wanted |= 1n << BigInt(bit);
      let mask = 0n;
      for (const [bit, cell] of found.entries()) {
        if ((cell.fulfils & wanted) === wanted) mask |= 1n << BigInt(bit);
      }
      boxes[index]!.push(mask);
    }
  }
  const [own = [], ...rest] = boxes;
  return { dimensions: [...dimensions.values()], cells, region: own, others: rest, whole };
}

/** Only those rules that are needed to cover the region. */
function reduce(taken: readonly number[], { region, others }: Field): number[] {
  let needed = taken.map((position, at) => ({ position, box: others[at]! }));
  if (needed.length <= MAX_REDUCED) {
    for (const each of needed) {
      const rest = needed.filter((other) => other !== each);
      const left = subtractBoxes(
        region,
        rest.map(({ box }) => box),
        MAX_BOXES,
      );
      if (left?.length === 0) needed = rest;
    }
  }
  return needed.map(({ position }) => position).sort((a, b) => a - b);
}

/** Requests out of what is left, the plainest first. */
function* samplesOf(left: readonly Box[], { dimensions, cells }: Field, world: World): Generator<Sample> {
  let tries = 0;
  for (const box of left) {
    const choices = dimensions.map((dimension, at) => statesIn(box[at]!, cells[at]!, dimension, world));
    if (choices.some((states) => states.length === 0)) continue;
    // The first choice everywhere, then in each dimension the others.
    const orders = [choices.map(() => 0)];
    for (const [at, states] of choices.entries()) {
      for (let choice = 1; choice < Math.min(states.length, 4); choice++) {
        orders.push(choices.map((_, index) => (index === at ? choice : 0)));
      }
    }
    for (const order of orders) {
      if (tries++ === MAX_TRIES) return;
      yield new Map(dimensions.map(({ id }, at) => [id, choices[at]![order[at]!]!]));
    }
  }
}

function statesIn(mask: bigint, cells: readonly Cell[], dimension: Dimension, world: World): State[] {
  const states = cells.flatMap(({ samples }, bit) => ((mask >> BigInt(bit)) & 1n ? samples : []));
  const usual = stateOf(new Map(), dimension, world).join('\n');
  // A dimension is best left as it is where no rule speaks of it.
  return states.toSorted((a, b) => Number(b.join('\n') === usual) - Number(a.join('\n') === usual));
}

/** What the sample has in the dimension. */
export function stateOf(sample: Sample, dimension: Dimension, world: World): State {
  return sample.get(dimension.id) ?? defaultState(dimension, world);
}

function arrives(sample: Sample, world: World): boolean {
  const one = (id: string) => stateOf(sample, { id, presence: 'one' }, world)[0];
  if (!/^[/*]/.test(one('path') ?? '')) return false;
  const sender = { gateway: one('gateway') ?? '', namespace: one('namespace') };
  return world.arrives({ authority: one('authority') ?? '', ...sender });
}

/** What a request has where nobody asks. */
function defaultState(dimension: Dimension, world: World): State {
  switch (dimension.id) {
    case 'path':
      return ['/'];
    case 'method':
      return ['GET'];
    case 'scheme':
      return ['http'];
    case 'authority':
      return world.authoritySamples.slice(0, 1);
    case 'gateway':
      return world.gateways.slice(0, 1);
    case 'namespace':
      return world.namespace === undefined ? [] : [world.namespace];
    default:
      return [];
  }
}
