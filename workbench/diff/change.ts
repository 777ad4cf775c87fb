/** What is otherwise between two outcomes: the part of the requests that goes elsewhere, and all else by its name. */
import { textOfBytes } from '../../router/table/byte-text.ts';
import { isSameCut, ORIGINAL_PATH, type PathCut, type RouteOutcome, type Share } from './outcome.ts';

/** A part of the requests that goes elsewhere. */
export interface Flow {
  /** With its port where the name alone does not tell the two apart. */
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
  const isPathSame = !before.cut || !after.cut || isSameCut(before.cut, after.cut);
  if (!isPathSame && isComparable) {
    // That there is a rewrite at all goes without saying then.
    const others = changes.filter(({ name }) => name !== ORIGINAL_PATH);
    const path = {
      name: 'path',
      from: cutText(before.cut!, after.cut!),
      to: cutText(after.cut!, before.cut!),
    };
    changes.splice(0, changes.length, ...others, path);
  }
  const moved = flows.reduce((sum, { percent }) => sum + percent, 0);
  const isOther = changes.length > 0 || moved === 0;
  return { flows, changes, percent: isOther ? 100 : moved };
}

/** `/new in place of /api`; what is replaced is told where the other side replaces something else. */
function cutText({ length, head, path }: PathCut, other: PathCut): string {
  if (length === 0 && head === '') return 'as it came';
  const text = textOfBytes(head === '' ? 'nothing' : head);
  if (length === undefined) return `${text} in place of all of it`;
  return length === other.length ? text : `${text} in place of ${textOfBytes(path.value.slice(0, length))}`;
}

function flowsBetween(before: RouteOutcome, after: RouteOutcome): Flow[] {
  const froms = partsOf(before);
  const tos = partsOf(after);
  const surplus = beyond(froms, tos);
  const lack = beyond(tos, froms);
  const flows: Flow[] = [];
  let at = 0;
  for (const from of surplus) {
    let left = from.percent;
    while (left > 1e-9 && at < lack.length) {
      const to = lack[at]!;
      const part = Math.min(left, to.percent);
      const isPlain = from.target !== to.target;
      flows.push({
        from: isPlain ? from.target : from.place,
        to: isPlain ? to.target : to.place,
        percent: part,
      });
      left -= part;
      to.percent -= part;
      if (to.percent <= 1e-9) at++;
    }
  }
  return flows;
}

type Part = Share & { percent: number };

/** What of the parts is more than the others have. */
function beyond(parts: readonly Share[], others: readonly Share[]): Part[] {
  return parts.flatMap((part): Part[] => {
    const percent = part.percent - (others.find(({ key }) => key === part.key)?.percent ?? 0);
    return percent > 1e-9 ? [{ ...part, percent }] : [];
  });
}

function partsOf({ what, shares }: RouteOutcome): readonly Share[] {
  return shares.length > 0 ? shares : [{ target: what, place: what, key: what, percent: 100 }];
}
