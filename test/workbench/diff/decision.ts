/** What may become of a request, told by the router alone: every decision that chance can make, with its chance. */
import type { Decision, Random, RouteRequest, Router } from '../../../router/index.ts';

/** The decisions as text, each with its chance of 1; rules that differ in their names alone have the same. */
export function fatesOf(router: Pick<Router, 'route'>, request: RouteRequest): string {
  const chances = new Map<string, number>();
  // All draws in order, as a tree: each run follows one path of it, and leaves behind those that it passed by.
  const open: { draws: readonly number[]; chance: number }[] = [{ draws: [], chance: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { draws } = next;
    let { chance } = next;
    let at = 0;
    const taken: number[] = [];
    const random: Random = (bound, purpose) => {
      const known = draws[at++];
      if (known !== undefined) {
        taken.push(known);
        return known;
      }
      const values = valuesOf(bound, purpose === 'weight');
      chance /= values.length;
      for (const other of values.slice(1)) open.push({ draws: [...taken, other], chance });
      taken.push(values[0]!);
      return values[0]!;
    };
    const text = textOf(router.route(request, random));
    chances.set(text, (chances.get(text) ?? 0) + chance);
  }
  return JSON.stringify([...chances].map(([text, chance]) => [text, chance.toFixed(6)]).sort());
}

/** Every weight, and of fractions the middle of each quarter: those that are drawn here are multiples of one. */
function valuesOf(bound: number, isWeight: boolean): number[] {
  if (isWeight) return Array.from({ length: bound }, (_, value) => value);
  return [1, 3, 5, 7].map((eighth) => Math.floor((bound * eighth) / 8));
}

/** All that anybody but the owner of the rules can see of a decision, its fields by name. */
function textOf(decision: Decision): string {
  const { rule: _, route: __, virtualHost: ___, destination: ____, ...rest } = decision;
  if (rest.kind === 'reply') {
    const { reason: _, body, ...seen } = rest;
    return byName({ ...seen, body: typeof body === 'string' ? body : new TextDecoder().decode(body) });
  }
  const { chosenBy: _____, mirrors, ...seen } = rest;
  return byName({ ...seen, mirrors: mirrors.map(({ destination: _, ...mirror }) => mirror) });
}

function byName(value: object): string {
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
