/** A graph of rules as Mermaid, which GitHub and many editors draw. */
import type { GraphNode, NodeKind, RuleGraph } from './model.ts';

const SHAPES: Readonly<Record<NodeKind, readonly [open: string, close: string]>> = {
  host: ['([', '])'],
  rule: ['[', ']'],
  destination: ['[[', ']]'],
  endpoint: ['(', ')'],
};

/** The flowchart, without a final line end. */
export function mermaidOf({ nodes, edges }: RuleGraph): string {
  const lines = ['flowchart LR'];
  for (const node of nodes) {
    const [open, close] = SHAPES[node.kind];
    lines.push(`  ${node.id}${open}"${textOf(node)}"${close}`);
    if (node.isMissing) lines.push(`  style ${node.id} stroke:#c00,stroke-dasharray:4`);
  }
  for (const { from, to, label, isMirror } of edges) {
    const arrow = isMirror ? '-.->' : '-->';
    lines.push(`  ${from} ${arrow}${label === '' ? '' : `|"${escaped(label)}"|`} ${to}`);
  }
  return lines.join('\n');
}

function textOf({ title, lines }: GraphNode): string {
  return [title, ...lines].map(escaped).join('<br/>');
}

/** Everything that means something to Mermaid or HTML as its number; a plain number with a dot would begin a list. */
function escaped(text: string): string {
  return text
    .replaceAll(/[#"&<>`\\[\]{}|]/g, (char) => `#${char.codePointAt(0)};`)
    .replace(/^(\d+)\. /, '$1#46; ');
}
