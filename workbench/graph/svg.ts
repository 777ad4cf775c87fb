/**
 * A graph of rules as SVG: a column for each kind, rules from top to bottom in the order in which they are tried,
 * and all else beside what leads to it; arrows along trunks. Light or dark as the viewer is.
 */
import { escapeMarkup } from '../markup.ts';
import { type GraphNode, NODE_KINDS, type NodeKind, type RuleGraph } from './model.ts';
import { middleOf, type Trunk, trunksOf } from './trunk.ts';

const LINE_HEIGHT = 16;
const PADDING = 8;
const GAP = 10;
/** Between a column and the trunks beside it. */
const TRUNK_GAP = 22;
/** Between two trunks. */
const LANE_WIDTH = 9;
/** Of the dot where a line joins its trunk. */
const DOT_RADIUS = 2.4;
const MARGIN = 16;
/** Of the font's usual character, in pixels. */
const CHARACTER_WIDTH = 6.7;
/** Longer lines are cut; the whole text is the node's title. */
const MAX_CHARACTERS = 64;

interface Box {
  readonly node: GraphNode;
  readonly lines: readonly string[];
  x: number;
  y: number;
  readonly width: number;
  readonly height: number;
}

/** A trunk in its place. */
interface PlacedTrunk extends Trunk {
  readonly x: number;
  /** The end of the edges that the trunk's node is. */
  readonly end: 'from' | 'to';
}

/** The picture, without a final line end. */
export function svgOf(graph: RuleGraph): string {
  const { boxes, trunks, width, height } = layOut(graph);
  const destinations = graph.nodes.filter(({ kind }) => kind === 'destination').map(({ id }) => id);
  const hueOf = (ids: readonly string[]): string => {
    const hue = Math.max(...ids.map((id) => destinations.indexOf(id)));
    return hue === -1 ? '' : `hue${hue % HUES.length}`;
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Rules and destinations">`,
    STYLE,
    ARROW_HEAD,
    ...trunks.map((trunk) => trunkSvg(trunk, boxes, hueOf)),
    ...[...boxes.values()].map(boxSvg),
    '</svg>',
  ].join('\n');
}

/** Of the arrows to one destination, so that they can be told from others on light and on dark ground. */
const HUES = ['#0969da', '#bf3989', '#1a7f37', '#bc4c00', '#8250df', '#9a6700', '#0598a8', '#cf222e'];

/** Without variables, which not every viewer knows. */
const STYLE = `<style>
svg { background: #ffffff; font: 12px system-ui, sans-serif; }
rect { stroke: #57606a; } circle { fill: #57606a; } text { fill: #1b1f24; } path { fill: none; stroke: #57606a; } marker path { fill: #57606a; stroke: none; }
.host rect { fill: #ddf4ff; } .rule rect { fill: #f6f8fa; } .destination rect { fill: #dafbe1; } .endpoint rect { fill: #fff8c5; }
.more { fill: #57606a; font-size: 11px; }
${HUES.map((color, hue) => `.hue${hue} { stroke: ${color}; } circle.hue${hue} { fill: ${color}; }`).join(' ')}
.mirror { stroke-dasharray: 4; } .missing rect { stroke: #cf222e; stroke-dasharray: 4; }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; } rect { stroke: #8d96a0; } text { fill: #e6edf3; } marker path { fill: #8d96a0; }
.host rect { fill: #0c2d6b; } .rule rect { fill: #21262d; } .destination rect { fill: #033a16; } .endpoint rect { fill: #4b2900; }
.more { fill: #8d96a0; }
}
</style>`;

const ARROW_HEAD =
  '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>';

interface Layout {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly trunks: readonly PlacedTrunk[];
  readonly width: number;
  readonly height: number;
}

function layOut(graph: RuleGraph): Layout {
  const boxes = new Map<string, Box>();
  for (const kind of NODE_KINDS) {
    const nodes = graph.nodes.filter((node) => node.kind === kind);
    const written = nodes.map((node) => [node.title, ...node.lines, ...targetsOf(node, graph)].map(cut));
    const longest = Math.max(0, ...written.flat().map((line) => line.length));
    const width = Math.ceil(longest * CHARACTER_WIDTH) + 2 * PADDING;
    for (const [index, node] of nodes.entries()) {
      const lines = written[index]!;
      boxes.set(node.id, {
        node,
        lines,
        x: 0,
        y: 0,
        width,
        height: lines.length * LINE_HEIGHT + 2 * PADDING,
      });
    }
  }
  stack(columnOf('rule', boxes), () => 0);
  // Destinations and endpoints stand beside the middle of what leads to them, hosts beside that of their rules.
  for (const kind of ['destination', 'endpoint', 'host'] as const) {
    const back = kind === 'host';
    stack(columnOf(kind, boxes), ({ node }) => {
      const beside = graph.edges
        .filter(({ from, to }) => (back ? from : to) === node.id)
        .map(({ from, to }) => middleOf(boxes.get(back ? to : from)!));
      return beside.reduce((sum, each) => sum + each, 0) / Math.max(1, beside.length);
    });
  }
  const { trunks, width } = placeColumns(graph, boxes);
  const bottom = Math.max(0, ...[...boxes.values()].map(({ y, height }) => y + height));
  return { boxes, trunks, width, height: bottom + MARGIN };
}

/** From left to right, with room for the trunks between two columns. */
function placeColumns(
  graph: RuleGraph,
  boxes: ReadonlyMap<string, Box>,
): { trunks: PlacedTrunk[]; width: number } {
  const trunks: PlacedTrunk[] = [];
  let x = MARGIN;
  for (const kind of NODE_KINDS) {
    const column = columnOf(kind, boxes);
    if (column.length === 0) continue;
    const arriving = graph.edges.filter(({ to }) => boxes.get(to)!.node.kind === kind);
    // A host leads to many rules, and of all others many lead to one.
    const end = kind === 'rule' ? 'from' : 'to';
    const before = trunksOf(arriving, end, boxes);
    if (before.length > 0) {
      x += TRUNK_GAP;
      trunks.push(...before.map((trunk) => ({ ...trunk, end, x: x + trunk.lane * LANE_WIDTH }) as const));
      x += Math.max(...before.map(({ lane }) => lane)) * LANE_WIDTH + TRUNK_GAP;
    }
    for (const box of column) box.x = x;
    x += column[0]!.width;
  }
  return { trunks, width: x + MARGIN };
}

/** Where a rule's requests go, in its own box: arrows alone are hard to follow among many. */
function targetsOf({ id, kind }: GraphNode, { nodes, edges }: RuleGraph): string[] {
  if (kind !== 'rule') return [];
  const texts = edges
    .filter(({ from }) => from === id)
    .map(({ to, label }) => {
      const title = nodes.find((node) => node.id === to)?.title ?? '';
      return label === '' ? title : `${label} ${label.startsWith('copy') ? 'to ' : ''}${title}`;
    });
  return texts.length === 0 ? [] : [`→ ${texts.join(', ')}`];
}

function columnOf(kind: NodeKind, boxes: ReadonlyMap<string, Box>): Box[] {
  return [...boxes.values()].filter(({ node }) => node.kind === kind);
}

/** Gives each box its place: as near to its wish as those above it allow. */
function stack(column: readonly Box[], wish: (box: Box) => number): void {
  const wished = column.map((box) => ({ box, middle: wish(box) })).sort((a, b) => a.middle - b.middle);
  let y = MARGIN;
  for (const { box, middle } of wished) {
    box.y = Math.max(y, middle - box.height / 2);
    y = box.y + box.height + GAP;
  }
}

function cut(line: string): string {
  const chars = [...line];
  return chars.length <= MAX_CHARACTERS ? line : `${chars.slice(0, MAX_CHARACTERS - 1).join('')}…`;
}

function boxSvg({ node, lines, x, y, width, height }: Box): string {
  const radius = node.kind === 'host' || node.kind === 'endpoint' ? 10 : 3;
  const texts = lines.map(
    (line, index) =>
      `<text${index > 0 ? ' class="more"' : ''} x="${x + PADDING}" y="${round(y + PADDING + LINE_HEIGHT * (index + 0.75))}">${escapeMarkup(line)}</text>`,
  );
  const title = escapeMarkup([node.title, ...node.lines].join('\n'));
  return `<g class="${node.kind}${node.isMissing ? ' missing' : ''}"><title>${title}</title><rect x="${x}" y="${round(y)}" width="${width}" height="${height}" rx="${radius}"/>${texts.join('')}</g>`;
}

function trunkSvg(
  { node, y, branches, top, bottom, x, end }: PlacedTrunk,
  boxes: ReadonlyMap<string, Box>,
  hueOf: (ids: readonly string[]) => string,
): string {
  const isFrom = end === 'from';
  const side = (box: Box, isLeft: boolean): number => (isLeft ? box.x + box.width : box.x);
  const attribute = (...names: string[]): string => {
    const text = names.filter(Boolean).join(' ');
    return text === '' ? '' : ` class="${text}"`;
  };
  const line = (from: number, at: number, to: number, isArrow: boolean, mirror = ''): string =>
    `<path${attribute(hue, mirror)}${isArrow ? ' marker-end="url(#head)"' : ''} d="M${round(from)} ${round(at)} H${round(to)}"/>`;
  const hue = hueOf([node, ...branches.map((branch) => branch.node)]);
  const own = side(boxes.get(node)!, isFrom);
  return [
    ...(top === bottom ? [] : [`<path${attribute(hue)} d="M${x} ${round(top)} V${round(bottom)}"/>`]),
    isFrom ? line(own, y, x, false) : line(x, y, own, true),
    ...branches.flatMap((branch) => {
      const edge = side(boxes.get(branch.node)!, !isFrom);
      const mirror = branch.isMirror ? 'mirror' : '';
      const path = isFrom ? line(x, branch.y, edge, true, mirror) : line(edge, branch.y, x, false, mirror);
      if (top === bottom) return path;
      return [path, `<circle${attribute(hue)} cx="${x}" cy="${round(branch.y)}" r="${DOT_RADIUS}"/>`];
    }),
  ].join('');
}

const round = (number: number): number => Math.round(number * 10) / 10;
