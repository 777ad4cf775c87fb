import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffRules } from '../../../workbench/diff/index.ts';
import { diffMarkdown, diffText } from '../../../workbench/diff/text.ts';
import { rules, to, virtualService } from './moves.ts';

/** What is said of each set of requests that moves, and its example. */
function sets(before: string, after: string): [subject: string, example: string][] {
  const lines = diffText(diffRules(rules(before), rules(after))).split('\n');
  return lines.flatMap((line, at) =>
    line.startsWith('  by ') ? [[subjectBefore(lines, at), lines[at + 1]!.trim()] as [string, string]] : [],
  );
}

function subjectBefore(lines: readonly string[], at: number): string {
  return lines.slice(0, at).findLast((line) => line !== '' && !line.startsWith(' '))!;
}

const USER = 'match: [{ headers: { user: { exact: admin } } }],';
const gateway = (subset: string, port: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: public }
spec: { hosts: [shop.example.com], gateways: [public], http: [${to(subset)}] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec: { servers: [{ port: { ${port} }, hosts: ['*'], tls: { mode: SIMPLE, credentialName: c } }] }
`;
const plainGateway = (subset: string, port: number) =>
  gateway(subset, `number: ${port}, name: http, protocol: HTTP`).replace(/, tls: .*? } }\]/, ' }]');

test('diffText() speaks of other requests where an earlier rule takes some', () => {
  const before = `${to('v2', USER)}, ${to('v1', 'match: [{ uri: { prefix: /a } }],')}, ${to('v1')}`;
  const after = `${to('v2', USER)}, ${to('v3', 'match: [{ uri: { prefix: /a } }],')}, ${to('v1')}`;
  assert.deepEqual(sets(virtualService(before), virtualService(after)), [
    ['shop: other requests with path begins with "/a"', 'curl http://shop/a'],
  ]);
  const markdown = diffMarkdown(diffRules(rules(virtualService(before)), rules(virtualService(after))));
  assert.match(markdown, /\| shop: other requests with path begins with/);
});

test('diffText() speaks of all requests where earlier rules take others', () => {
  const paths = (a: string) =>
    `${to('v2', 'match: [{ uri: { prefix: /b } }, { method: { exact: PUT } }],')}, ${to(a, 'match: [{ uri: { prefix: /a }, method: { exact: GET } }],')}`;
  assert.deepEqual(sets(virtualService(paths('v1')), virtualService(paths('v3'))), [
    ['shop: requests with path begins with "/a" and method = "GET"', 'curl http://shop/a'],
  ]);
});

test('diffText() speaks of other requests where a condition grows wider', () => {
  const values = (match: string) =>
    virtualService(`${to('v2', `match: [{ queryParams: { v: { ${match} } } }],`)}, ${to('v1')}`);
  assert.deepEqual(sets(values('exact: "1"'), values('regex: "1|2"')), [
    ['shop: other requests with query parameter v matches "1|2"', "curl 'http://shop/?v=2'"],
  ]);
});

test('diffText() names the senders where not all in the mesh are meant', () => {
  const exported = (subset: string) =>
    virtualService(to(subset), 'exportTo: [a, b],').replace('[shop]', '[shop.default.svc.cluster.local]');
  assert.deepEqual(sets(exported('v1'), exported('v2')), [
    [
      'shop: all requests, of clients in namespace a, clients in namespace b',
      'curl http://shop.default/   # from clients in namespace a',
    ],
  ]);
});

test('diffRules() looks at clients that a DestinationRule selects, and says whose settings change', () => {
  const selected = (limit: number) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  workloadSelector: { matchLabels: { app: web } }
  trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: ${limit} } } }
`;
  const text = diffText(diffRules(rules(selected(1)), rules(selected(2))));
  assert.match(text, /^shop: connectionPool .* → .*, of clients in namespace default with app=web$/m);
  assert.match(text, /^1 setting of destinations changes$/m);
});

test('diffText() prints examples for the port that they move on', () => {
  const ofPort = virtualService(`${to('v1', 'match: [{ port: 8080 }],')}, ${to('v2')}`);
  assert.deepEqual(sets(ofPort, virtualService(to('v2'))), [
    ['shop: all requests on port 8080', 'curl http://shop:8080/'],
  ]);
  const named = (http: string) => virtualService(`${http}, ${to('v2')}`);
  assert.deepEqual(
    sets(
      named(to('v1', 'match: [{ port: 8080, authority: { exact: shop.default } }],')),
      named(to('v3', 'match: [{ port: 8080, authority: { exact: shop.default } }],')),
    ),
    [
      [
        'shop: requests with authority = "shop.default" on port 8080',
        'curl http://shop.default/   # explain --port 8080',
      ],
    ],
  );
});

test('diffText() prints examples by https where a gateway speaks TLS', () => {
  const from = '   # from gateway default/public';
  const https = (port: number) => `number: ${port}, name: https, protocol: HTTPS`;
  const examples = [443, 8443].flatMap((port) =>
    sets(gateway('v1', https(port)), gateway('v2', https(port))).map(([, example]) => example),
  );
  assert.deepEqual(examples, [
    `curl https://shop.example.com/${from}`,
    `curl https://shop.example.com:8443/${from}`,
  ]);
  assert.deepEqual(
    sets(plainGateway('v1', 8080), plainGateway('v2', 8080)).map(([, example]) => example),
    [`curl http://shop.example.com:8080/${from}`],
  );
});
