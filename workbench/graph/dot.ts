/** A graph of rules as DOT, for Graphviz. */
import { NODE_KINDS, type NodeKind, type RuleGraph } from './model.ts';

const SHAPES: Readonly<Record<NodeKind, string>> = {
  host: 'shape=oval',
  rule: 'shape=box',
  destination: 'shape=component',
  endpoint: 'shape=box style=rounded',
};

/** The digraph, without a final line end. */
export function dotOf({ nodes, edges }: RuleGraph): string {
  const lines = ['digraph rules {', '  rankdir=LR', '  node [fontname="sans-serif" fontsize=11]'];
  for (const { id, kind, title, lines: more, isMissing } of nodes) {
    const color = isMissing ? ' color=red' : '';
    lines.push(`  ${id} [${SHAPES[kind]}${color} label=${quoted([title, ...more].join('\n'))}]`);
  }
  for (const kind of NODE_KINDS) {
    const own = nodes.filter((node) => node.kind === kind).map(({ id }) => id);
    if (own.length > 1) lines.push(`  { rank=same; ${own.join('; ')} }`);
  }
  for (const { from, to, label, isMirror } of edges) {
    const attributes = [
      ...(label === '' ? [] : [`label=${quoted(label)}`]),
      ...(isMirror ? ['style=dashed'] : []),
    ];
    lines.push(`  ${from} -> ${to}${attributes.length === 0 ? '' : ` [${attributes.join(' ')}]`}`);
  }
  return [...lines, '}'].join('\n');
}

/** A backslash begins DOT's own escapes. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
