import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, validate } from '../../../router/index.ts';
import { dotOf } from '../../../workbench/graph/dot.ts';
import { mermaidOf } from '../../../workbench/graph/mermaid.ts';
import { graphOf } from '../../../workbench/graph/model.ts';
import { svgOf } from '../../../workbench/graph/svg.ts';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop, shop.example.com]
  http:
    - match: [{ headers: { user: { exact: 'a"]<b>' } } }]
      route: [{ destination: { host: shop, subset: v3 } }]
    - match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - timeout: 5s
      mirror: { host: shadow }
      mirrorPercentage: { value: 5 }
      route:
        - { destination: { host: shop, subset: v1 }, weight: 90 }
        - { destination: { host: shop, subset: v2 }, weight: 10 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [www.example.com], gateways: [edge], http: [{ match: [{ port: 8080 }], route: [{ destination: { host: shop, subset: v1 } }] }] }
`;

const GRAPH = graphOf(validate(parse(RULES).resources).resources);

test('graphOf() has hosts, rules in their order, destinations and endpoints, of the mesh and of gateways', () => {
  const title = new Map(GRAPH.nodes.map(({ id, title }) => [id, title]));
  assert.deepEqual(
    GRAPH.nodes.map(({ kind, title, lines }) => [kind, title, ...lines].join(' | ')),
    [
      'host | shop | shop.example.com',
      'host | www.example.com | through gateway default/edge',
      'rule | 1. header user = "a\\"]<b>"',
      'rule | 2. path begins with "/old" | redirect 301 to /new',
      'rule | 3. all requests | timeout: 5000 ms',
      'rule | 1. all requests',
      'destination | shop v3 | does not exist',
      'destination | shop v1',
      'destination | shop v2',
      'destination | shadow',
      'endpoint | version=v1',
      'endpoint | version=v2',
    ],
  );
  assert.deepEqual(
    GRAPH.edges
      .filter(({ from }) => title.get(from) === '3. all requests')
      .map(({ to, label, isMirror }) => [title.get(to), label, isMirror ?? false]),
    [
      ['shop v1', '90 %', false],
      ['shop v2', '10 %', false],
      ['shadow', 'copy of 5 %', true],
    ],
  );
});

test('mermaidOf() writes nothing that Mermaid would read as its own', () => {
  const lines = mermaidOf(GRAPH).split('\n');
  assert.equal(lines[0], 'flowchart LR');
  for (const line of lines.slice(1)) {
    const [, text] = /"(.*)"/.exec(line) ?? [];
    if (text !== undefined)
      assert.doesNotMatch(text.replaceAll('<br/>', '').replaceAll(/#\d+;/g, ''), /["<>[\]{}|#&`]/);
  }
  assert.ok(lines.some((line) => / -\.->\|"copy of 5 %"\| /.test(line)));
});

test('dotOf() writes balanced quotes', () => {
  const text = dotOf(GRAPH);
  assert.match(text, /^digraph rules \{\n/);
  assert.match(text, /label="1\. header user = \\"a\\\\\\"\]<b>\\""/);
  assert.match(text, /-> d\d+ \[label="copy of 5 %" style=dashed\]/);
  assert.ok(text.endsWith('\n}'));
});

test('svgOf() draws boxes that do not overlap, and escapes what is in them', () => {
  const svg = svgOf(GRAPH);
  const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(
    (box) => box.slice(1).map(Number),
  );
  assert.equal(boxes.length, GRAPH.nodes.length);
  for (const [index, [x, y, width, height]] of boxes.entries()) {
    for (const [ox, oy, owidth, oheight] of boxes.slice(index + 1)) {
      const isApart =
        x! + width! <= ox! || ox! + owidth! <= x! || y! + height! <= oy! || oy! + oheight! <= y!;
      assert.ok(isApart, `${index} overlaps another box`);
    }
  }
  assert.doesNotMatch(svg, /<b>/);
  assert.match(svg, /→ 90 % shop v1, 10 % shop v2, copy of 5 % to shadow/);
});
