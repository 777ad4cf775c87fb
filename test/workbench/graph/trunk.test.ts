/** Arrows of a graph along trunks: none covers another, and each begins and ends at its own box. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphEdge } from '../../../workbench/graph/model.ts';
import { type Span, trunksOf } from '../../../workbench/graph/trunk.ts';

const HEIGHT = 48;

/** Fifty rules from top to bottom that lead to seven destinations, each third one to two. */
function many(): { edges: GraphEdge[]; spans: Map<string, Span> } {
  const spans = new Map<string, Span>();
  const edges: GraphEdge[] = [];
  for (let rule = 0; rule < 50; rule++) {
    spans.set(`r${rule}`, { y: rule * (HEIGHT + 10), height: HEIGHT });
    edges.push({ from: `r${rule}`, to: `d${(rule * 5) % 7}`, label: '' });
    if (rule % 3 === 0)
      edges.push({ from: `r${rule}`, to: `d${(rule * 5 + 1) % 7}`, label: '', isMirror: true });
  }
  for (let destination = 0; destination < 7; destination++)
    spans.set(`d${destination}`, { y: 900 + destination * 40, height: 32 });
  return { edges, spans };
}

test('trunksOf() gives trunks that stand beside each other lanes of their own', () => {
  const { edges, spans } = many();
  const trunks = trunksOf(edges, 'to', spans);
  assert.equal(trunks.length, 7);
  for (const [index, one] of trunks.entries())
    for (const other of trunks.slice(index + 1))
      if (one.lane === other.lane) assert.ok(one.bottom < other.top || other.bottom < one.top);
});

test('trunksOf() has a branch for each edge, from its own box at a height of its own', () => {
  const { edges, spans } = many();
  const branches = trunksOf(edges, 'to', spans).flatMap((trunk) => trunk.branches);
  assert.equal(branches.length, edges.length);
  assert.equal(new Set(branches.map(({ y }) => y)).size, edges.length);
  for (const { node, y } of branches) {
    const span = spans.get(node)!;
    assert.ok(y > span.y && y < span.y + span.height, node);
  }
  assert.equal(branches.filter(({ isMirror }) => isMirror).length, 17);
});

test('trunksOf() lets trunks one below the other share a lane', () => {
  const spans = new Map(['a', 'b', 'x', 'y'].map((id, index) => [id, { y: index * 100, height: HEIGHT }]));
  const edges = [
    { from: 'a', to: 'b', label: '' },
    { from: 'x', to: 'y', label: '' },
  ];
  assert.deepEqual(
    trunksOf(edges, 'from', spans).map(({ node, lane }) => [node, lane]),
    [
      ['a', 0],
      ['x', 0],
    ],
  );
});
