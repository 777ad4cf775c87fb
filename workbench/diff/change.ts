/** What is otherwise between two outcomes: the part of the requests that goes elsewhere, and all else by its name. */
import type { RouteOutcome } from './outcome.ts';

/** A part of the requests that goes elsewhere. */
export interface Flow {
  readonly from: string;
  readonly to: string;
  readonly percent: number;
}

/** Something that is said otherwise; `none` where one side says nothing. */
export interface AspectChange {
  /** `timeout`, `retries`, `path`, … */
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** See the fields of a move. */
export function changesBetween(
  before: RouteOutcome,
  after: RouteOutcome,
): { flows: Flow[]; changes: AspectChange[]; percent: number } {
  const flows = flowsBetween(before, after);
  const names = new Set([...before.aspects.keys(), ...after.aspects.keys()]);
  const isForward = ({ what }: RouteOutcome): boolean => what === 'forward';
  // What an answer has no use for is no news beside it.
  const isComparable = isForward(before) === isForward(after);
  const changes = [...names].flatMap((name): AspectChange[] => {
    const [from, to] = [before.aspects.get(name) ?? 'none', after.aspects.get(name) ?? 'none'];
    return from === to || !isComparable ? [] : [{ name, from, to }];
  });
  const moved = flows.reduce((sum, { percent }) => sum + percent, 0);
  const isOther = changes.length > 0 || moved === 0;
  if (isOther && flows.length === 0 && changes.length === 0)
    changes.push({ name: 'path', from: 'as the old rule rewrites it', to: 'as the new rule rewrites it' });
  return { flows, changes, percent: isOther ? 100 : moved };
}

function flowsBetween(before: RouteOutcome, after: RouteOutcome): Flow[] {
  const froms = partsOf(before);
  const tos = partsOf(after);
  const surplus = froms.flatMap(({ key, target, percent }) => {
    const more = percent - (tos.find((each) => each.key === key)?.percent ?? 0);
    return more > 1e-9 ? [{ target, percent: more }] : [];
  });
  const lack = tos.flatMap(({ key, target, percent }) => {
    const more = percent - (froms.find((each) => each.key === key)?.percent ?? 0);
    return more > 1e-9 ? [{ target, percent: more }] : [];
  });
  const flows: Flow[] = [];
  let at = 0;
  for (const { target: from, percent } of surplus) {
    let left = percent;
    while (left > 1e-9 && at < lack.length) {
      const to = lack[at]!;
      const part = Math.min(left, to.percent);
      flows.push({ from, to: to.target, percent: part });
      left -= part;
      to.percent -= part;
      if (to.percent <= 1e-9) at++;
    }
  }
  return flows;
}

function partsOf({ what, shares }: RouteOutcome) {
  return shares.length > 0 ? shares : [{ target: what, key: what, percent: 100 }];
}
