/**
 * Arrows between two columns, bundled so that each can be followed among many: all of one node of the column with fewer go
 * along one vertical trunk of its own, which the others join. Trunks that stand beside each other take lanes of their own.
 */
import type { GraphEdge } from './model.ts';

/** Between two lines that leave the same box. */
const SPREAD = 6;
/** What stays free at the edges of a box. */
const EDGE = 8;

/** Where a box stands from top to bottom. */
export interface Span {
  readonly y: number;
  readonly height: number;
}

/** A line from a box to its trunk. */
export interface Branch {
  /** The node's id. */
  readonly node: string;
  readonly y: number;
  readonly isMirror: boolean;
}

/** All arrows of one node. */
export interface Trunk {
  /** The node's id. */
  readonly node: string;
  readonly y: number;
  /** Of the nodes at the other ends. */
  readonly branches: readonly Branch[];
  readonly top: number;
  readonly bottom: number;
  /** From 0, from left to right. */
  readonly lane: number;
}

/** The trunks of the nodes at one end of edges, from the top down. `spans` has the place of every node. */
export function trunksOf(
  edges: readonly GraphEdge[],
  end: 'from' | 'to',
  spans: ReadonlyMap<string, Span>,
): Trunk[] {
  const other = end === 'from' ? 'to' : 'from';
  const ofOther = Map.groupBy(edges, (edge) => edge[other]);
  const found = [...Map.groupBy(edges, (edge) => edge[end])].map(([node, own]) => {
    const branches = own.map((edge): Branch => {
      const siblings = ofOther.get(edge[other])!;
      const span = spans.get(edge[other])!;
      const step = Math.min(SPREAD, (span.height - 2 * EDGE) / siblings.length);
      const y = middleOf(span) + (siblings.indexOf(edge) - (siblings.length - 1) / 2) * step;
      return { node: edge[other], y, isMirror: edge.isMirror === true };
    });
    const y = middleOf(spans.get(node)!);
    const all = [y, ...branches.map((branch) => branch.y)];
    return { node, y, branches, top: Math.min(...all), bottom: Math.max(...all) };
  });
  /** Where the lowest trunk of each lane ends. */
  const ends: number[] = [];
  return found
    .sort((one, next) => one.top - next.top)
    .map((trunk) => {
      const free = ends.findIndex((bottom) => bottom + SPREAD < trunk.top);
      const lane = free === -1 ? ends.length : free;
      ends[lane] = trunk.bottom;
      return { ...trunk, lane };
    });
}

/** The middle of a box from top to bottom. */
export function middleOf({ y, height }: Span): number {
  return y + height / 2;
}
