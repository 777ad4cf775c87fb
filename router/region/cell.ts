/**
 * A dimension cut into finitely many cells, in each of which the same requirements are fulfilled. Imports
 * automata and partitions.
 */
import { byteText } from '../table/byte-text.ts';
import {
  type Automaton,
  acceptsText,
  EVERYTHING,
  forcedPrefix,
  literalAutomaton,
  regexAutomaton,
} from './automaton.ts';
import { withoutDecoded } from './escape.ts';
import { partition, type Workspace } from './partition.ts';
import type { Dimension, Requirement, TextRequirement } from './requirement.ts';
import { preferredTexts, universeOf, type World } from './world.ts';

/** What a request has in a dimension: its values; none for a header that is not there. */
export type State = readonly string[];

/** States that fulfil the same requirements. */
export interface Cell {
  /** Bit `i` is set when requirement `i` is fulfilled. */
  readonly fulfils: bigint;
  /** Some of its states, those first that read best. */
  readonly samples: readonly State[];
}

/** Cells of one dimension, at most. */
const MAX_CELLS = 1024;

/**
 * The cells of a dimension under some of its requirements; undefined when they are too many or too costly.
 * `one` says that a request with several values is of no interest, as each of its values alone does.
 */
export function cellsOf(
  dimension: Dimension,
  requirements: readonly Requirement[],
  world: World,
  options: { readonly one: boolean },
  workspace: Workspace,
): Cell[] | undefined {
  if (dimension.presence === 'named') return namedCells(dimension, requirements, world, workspace);
  const texts = requirements.filter((each) => each.kind === 'text');
  const absent: Cell = { fulfils: maskOf(texts, (each) => fulfils(each, [], workspace)), samples: [[]] };
  if (dimension.presence === 'none') return [absent];
  const tests = texts.map((each) => automatonOf(each, workspace));
  const hasEscapes = texts.some(mentionsEscape);
  const universe = universeAutomaton(dimension, world, hasEscapes, workspace);
  const parts = partition(universe, tests, preferredTexts(dimension, world), workspace);
  if (parts === undefined) return undefined;
  const values = parts.map(
    ({ holds, samples }): Values => ({ holds, samples: samples.map((sample) => [sample]) }),
  );
  const states = dimension.presence === 'many' && !options.one ? withSeveral(values) : values;
  if (states === undefined || states.length > MAX_CELLS) return undefined;
  const inverted = maskOf(texts, ({ invert }) => invert);
  const cells = states.map(({ holds, samples }): Cell => ({ fulfils: holds ^ inverted, samples }));
  if (dimension.presence === 'one') return cells;
  return merge([absent, ...cells]);
}

/** True for paths that are decoded before a rule sees them. */
function canDecode({ id }: Dimension, { normalization }: World): boolean {
  return id === 'path' && normalization !== 'NONE';
}

/** False where escapes make no difference: they are left out of what has to be compared, as they cost. */
function mentionsEscape({ match }: TextRequirement): boolean {
  return match.kind !== 'any' && match.value.includes('%');
}

/** True when a request can have this value in the dimension. */
export function inUniverse(dimension: Dimension, value: string, world: World, workspace: Workspace): boolean {
  return acceptsText(universeAutomaton(dimension, world, true, workspace), value);
}

function universeAutomaton(
  dimension: Dimension,
  world: World,
  hasEscapes: boolean,
  workspace: Workspace,
): Automaton {
  if (dimension.id === 'authority') return world.authorities();
  const all = keptRegex(universeOf(dimension, world), workspace);
  return hasEscapes && canDecode(dimension, world) ? withoutDecoded(all) : all;
}

/** The text that every text fulfilling the requirement begins with; empty where there is none. */
export function commonPrefix(requirement: TextRequirement, workspace: Workspace): string {
  return forcedPrefix(automatonOf(requirement, workspace));
}

/** True when a request that has these values in the requirement's dimension fulfils it. */
export function fulfils(requirement: Requirement, state: State, workspace: Workspace): boolean {
  if (requirement.kind === 'name') return state.length > 0 && requirement.names.includes(state[0]!);
  const { match, invert } = requirement;
  // Of a header that is not there Envoy compares an empty text, when the condition is inverted.
  if (state.length === 0) return invert && (match.kind === 'any' || !holdsFor(requirement, '', workspace));
  return state.some((value) => holdsFor(requirement, value, workspace)) !== invert;
}

function holdsFor(requirement: TextRequirement, value: string, workspace: Workspace): boolean {
  const { match, ignoreCase } = requirement;
  if (match.kind === 'any') return true;
  if (!ignoreCase && match.kind === 'exact') return value === match.value;
  if (!ignoreCase && match.kind === 'prefix') return value.startsWith(match.value);
  return acceptsText(automatonOf(requirement, workspace), value);
}

function automatonOf({ match, ignoreCase }: TextRequirement, workspace: Workspace): Automaton {
  if (match.kind === 'any') return EVERYTHING;
  if (match.kind === 'regex') return keptRegex(match.value, workspace);
  return literalAutomaton(match.value, { prefix: match.kind === 'prefix', ignoreCase });
}

function keptRegex(pattern: string, { automata }: Workspace): Automaton {
  let automaton = automata.get(pattern);
  if (automaton === undefined) {
    automaton = regexAutomaton(byteText(pattern));
    automata.set(pattern, automaton);
  }
  return automaton;
}

/** One cell for each name mentioned, and one for all others. */
function namedCells(
  dimension: Dimension,
  requirements: readonly Requirement[],
  world: World,
  workspace: Workspace,
): Cell[] {
  const mentioned = requirements.flatMap((each) => (each.kind === 'name' ? each.names : []));
  const states: State[] =
    dimension.id === 'gateway'
      ? world.gateways.map((gateway) => [gateway])
      : [[], ...new Set(mentioned)].map((each) => (typeof each === 'string' ? [each] : each));
  return merge(
    states.map((state) => ({
      fulfils: maskOf(requirements, (each) => fulfils(each, state, workspace)),
      samples: [state],
    })),
  );
}

interface Values {
  readonly holds: bigint;
  readonly samples: readonly State[];
}

/** All that several values together can make hold: whatever one of them does. */
function withSeveral(values: readonly Values[]): Values[] | undefined {
  const all = new Map(values.map((each) => [each.holds, each]));
  for (const one of all.values()) {
    for (const other of values) {
      const holds = one.holds | other.holds;
      if (all.has(holds)) continue;
      if (all.size === MAX_CELLS) return undefined;
      all.set(holds, { holds, samples: [[...one.samples[0]!, ...other.samples[0]!]] });
    }
  }
  return [...all.values()];
}

function merge(cells: readonly Cell[]): Cell[] {
  const merged = new Map<bigint, Cell>();
  for (const cell of cells) {
    const known = merged.get(cell.fulfils);
    merged.set(cell.fulfils, known ? { ...known, samples: [...known.samples, ...cell.samples] } : cell);
  }
  return [...merged.values()];
}

function maskOf<Item>(items: readonly Item[], holds: (item: Item) => boolean): bigint {
  let mask = 0n;
  for (const [index, item] of items.entries()) if (holds(item)) mask |= 1n << BigInt(index);
  return mask;
}
