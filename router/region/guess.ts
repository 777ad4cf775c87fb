/**
 * The quick ways to a verdict, for rules of exact texts and prefixes, as most are: a request made of a rule's own
 * texts, and one rule's conditions read off another's. Both only ever answer what the exact comparison would.
 * Imports cells.
 */
import { inUniverse, type State } from './cell.ts';
import type { Workspace } from './partition.ts';
import { ODD_ENDING } from './partition.ts';
import type { Requirement, TextRequirement } from './requirement.ts';
import { preferredTexts, type World } from './world.ts';

/** See {@link guess}. */
export type GuessKind = 'usual' | 'plain' | 'odd';

/**
 * A request that may well fulfil the requirements, by dimension; undefined where a regex would have to be
 * guessed. `usual` is of texts that most requests have, `plain` of the rule's own, `odd` one that few other rules name.
 */
export function guess(
  requirements: readonly Requirement[],
  kind: GuessKind,
  world: World,
  workspace: Workspace,
): Map<string, State> | undefined {
  const states = new Map<string, State>();
  for (const requirement of requirements) {
    const { dimension } = requirement;
    if (requirement.kind === 'name') {
      const { names } = requirement;
      const isKnown = (each: string) => dimension.id !== 'gateway' || world.gateways.includes(each);
      const known = names.find(isKnown);
      if (known === undefined) return undefined;
      states.set(dimension.id, [known]);
      continue;
    }
    if (requirement.invert) continue;
    const { match } = requirement;
    if (match.kind === 'regex' || dimension.presence === 'none') return undefined;
    const value = textFor(match, kind, preferredTexts(dimension, world));
    if (!inUniverse(dimension, value, world, workspace)) return undefined;
    const before = states.get(dimension.id);
    if (dimension.presence === 'many') states.set(dimension.id, [...(before ?? []), value]);
    // Of several conditions on one value the one that asks for most is the best guess.
    else if (!before || value.length > before[0]!.length) states.set(dimension.id, [value]);
  }
  return states;
}

/** A text that the condition takes; see {@link guess}. */
function textFor(
  match: Exclude<TextRequirement['match'], { kind: 'regex' }>,
  kind: GuessKind,
  preferred: readonly string[],
): string {
  if (match.kind === 'any') return preferred[0] ?? 'any';
  if (match.kind === 'exact') return match.value;
  if (kind === 'odd') return match.value + ODD_ENDING;
  if (kind === 'plain') return match.value;
  return preferred.find((each) => each.startsWith(match.value)) ?? match.value;
}

/** True when whatever fulfils `own` is seen to fulfil `other`, without looking into regexes. */
export function plainlyImplies(own: readonly Requirement[], other: readonly Requirement[]): boolean {
  return other.every((asked) => own.some((given) => implies(given, asked)));
}

function implies(given: Requirement, asked: Requirement): boolean {
  if (given.key === asked.key) return true;
  if (given.dimension.id !== asked.dimension.id || given.kind !== asked.kind) return false;
  if (given.kind === 'name' || asked.kind === 'name') {
    return (
      given.kind === 'name' &&
      asked.kind === 'name' &&
      given.names.every((each) => asked.names.includes(each))
    );
  }
  if (given.invert || asked.invert) return false;
  if (asked.match.kind === 'any') return true;
  if (asked.match.kind !== 'prefix' || given.ignoreCase !== asked.ignoreCase) return false;
  if (given.match.kind !== 'prefix' && given.match.kind !== 'exact') return false;
  const [text, prefix] = [given.match.value, asked.match.value];
  return given.ignoreCase ? text.toLowerCase().startsWith(prefix.toLowerCase()) : text.startsWith(prefix);
}
