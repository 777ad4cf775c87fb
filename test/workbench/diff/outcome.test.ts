import assert from 'node:assert/strict';
import { test } from 'node:test';
import { movesOf, to, virtualService } from './moves.ts';

const subsets = (...names: readonly string[]) => `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec: { host: shop, subsets: [${names.map((name) => `{ name: ${name}, labels: { version: ${name} } }`).join(', ')}] }
`;
const mirrored = to('v1', 'mirror: { host: shop, subset: v2 },');
const headed = (set: string) => to('v1', `headers: { request: { set: ${set} } },`);
const answer = (body: string) => `{ directResponse: { status: 200, ${body} } }`;
const moved = (what: string, curl = 'curl http://shop/') => [` | ${what} | 100 % | ${curl}`];

const CASES: readonly [name: string, before: string, after: string, want: readonly string[]][] = [
  [
    'a mirror whose subset goes away',
    virtualService(mirrored) + subsets('v1', 'v2'),
    virtualService(mirrored) + subsets('v1'),
    moved('mirrors 100 % to shop v2 (outbound|80|v2|shop.default.svc.cluster.local) -> none'),
  ],
  [
    'a header whose value reads like another header',
    virtualService(headed(`{ x-a: "b; set x-c: d" }`)),
    virtualService(headed('{ x-a: b, x-c: d }')),
    moved('request headers set x-a: "b; set x-c: d" -> set x-a: b; set x-c: d'),
  ],
  [
    'a body of text and the same letters as bytes',
    virtualService(answer('body: { string: aGk= }')),
    virtualService(answer('body: { bytes: aGk= }')),
    moved('100 % answer 200 with the body "aGk=" -> answer 200 with the body "hi"'),
  ],
  [
    'a body of text and of the same bytes',
    virtualService(answer('body: { string: hi }')),
    virtualService(answer('body: { bytes: aGk= }')),
    [],
  ],
  [
    'rewrites by regex that read alike, with a path that both change',
    virtualService(to('v1', "rewrite: { uriRegexRewrite: { match: 'a to b', rewrite: c } },")),
    virtualService(to('v1', "rewrite: { uriRegexRewrite: { match: a, rewrite: 'b to c' } },")),
    moved('rewrite "a to b" to c -> a to "b to c"', 'curl http://shop/a'),
  ],
  [
    'redirects that read alike',
    virtualService('{ redirect: { authority: x/y } }'),
    virtualService('{ redirect: { authority: x, uri: /y } }'),
    moved('100 % redirect 301 to "x/y" -> redirect 301 to x/y'),
  ],
  [
    'another port of the same destination',
    virtualService(to('v1').replace('subset: v1', 'subset: v1, port: { number: 80 }')),
    virtualService(to('v1').replace('subset: v1', 'subset: v1, port: { number: 81 }')),
    moved('100 % shop v1 port 80 -> shop v1 port 81'),
  ],
  [
    'a rewrite that begins with the same path, in letters that it changes',
    virtualService(to('v1', 'match: [{ uri: { prefix: /a }, ignoreUriCase: true }], rewrite: { uri: /a },')),
    virtualService(to('v1', 'match: [{ uri: { prefix: /a }, ignoreUriCase: true }], rewrite: { uri: /A },')),
    ['path begins with "/a" in any letter case | path /a -> /A | 100 % | curl http://shop/a'],
  ],
  [
    'a rewrite of a prefix, in any letter case and not, by a path that moves',
    virtualService(to('v1', 'match: [{ uri: { prefix: / } }], rewrite: { uri: / },')),
    virtualService(
      `${to('v1', 'match: [{ uri: { prefix: /a }, ignoreUriCase: true }], rewrite: { uri: /a },')}, ${to('v1', 'match: [{ uri: { prefix: / } }], rewrite: { uri: / },')}`,
    ),
    [
      'path begins with "/a" in any letter case | path / in place of / -> /a in place of /a | 100 % | curl http://shop/A',
    ],
  ],
  [
    'a rewrite to the same path, which the destination is told of',
    virtualService(to('v1')),
    virtualService(to('v1', 'rewrite: { uri: / },')),
    moved('x-envoy-original-path none -> the path as it came'),
  ],
  [
    'a header taken away, with a request that has it',
    virtualService(to('v1')),
    virtualService(to('v1', 'headers: { request: { remove: [x-a] } },')),
    moved('request headers none -> remove x-a', "curl -H 'x-a: value-of-x-a' http://shop/"),
  ],
  [
    'headers of a format, with a request that both take otherwise',
    virtualService(headed('{ x-a: "%REQ(x-b)%" }')),
    virtualService(headed('{ x-a: "%REQ(x-c)%" }')),
    moved(
      'request headers set x-a: "%REQ(x-b)%" -> set x-a: "%REQ(x-c)%"',
      "curl -H 'x-a: value-of-x-a' -H 'x-b: value-of-x-b' -H 'x-c: value-of-x-c' http://shop/",
    ),
  ],
  [
    'origins, with a request of one',
    virtualService(to('v1')),
    virtualService(to('v1', "corsPolicy: { allowOrigins: [{ exact: 'http://a' }] },")),
    moved(
      'cors none -> {"allowOrigins":[{"kind":"exact","value":"http://a"}],"allowMethods":"","allowHeaders":"","exposeHeaders":"","forwardUnmatchedPreflights":true}',
      "curl -H 'origin: http://a' http://shop/",
    ),
  ],
  [
    'the same headers of a destination and of its rule',
    virtualService(headed('{ x-a: b }')),
    virtualService(
      '{ route: [{ destination: { host: shop, subset: v1 }, headers: { request: { set: { x-a: b } } } }] }',
    ),
    [],
  ],
  [
    'headers of requests that are answered at once',
    virtualService(answer('')),
    virtualService('{ directResponse: { status: 200 }, headers: { request: { set: { x: "1" } } } }'),
    [],
  ],
  [
    'settings of requests that have nowhere to go',
    virtualService(to('v1')) + subsets('v3'),
    virtualService(to('v2', 'timeout: 5s, retries: { attempts: 1 }, mirror: { host: shop },')) +
      subsets('v3'),
    [],
  ],
];

for (const [name, before, after, want] of CASES) {
  test(`diffRules() compares ${name}`, () => {
    assert.deepEqual(movesOf(before, after), want);
  });
}
