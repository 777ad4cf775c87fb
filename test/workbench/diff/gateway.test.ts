import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DiffOptions, diffRules } from '../../../workbench/diff/index.ts';
import { diffMarkdown, diffText } from '../../../workbench/diff/text.ts';
import { rules } from './moves.ts';

const gateway = (server: string, selector = 'istio: a') => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: public }
spec: { selector: { ${selector} }, servers: [{ ${server} }] }
`;
const server = (tls: string, more = '') =>
  `port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*'], tls: { ${tls} }${more}`;
const SIMPLE = server('mode: SIMPLE, credentialName: c');

const CASES: readonly [name: string, before: string, after: string, want: readonly string[]][] = [
  ['the same', gateway(SIMPLE), gateway(SIMPLE), []],
  [
    'other names of servers and ports',
    gateway(SIMPLE),
    gateway(`name: a, ${SIMPLE.replace('name: https', 'name: b')}`),
    [],
  ],
  [
    'client certificates that are asked for',
    gateway(SIMPLE),
    gateway(server('mode: MUTUAL, credentialName: c')),
    [
      'port 443: {"hosts":["*"],"protocol":"HTTPS","tls":{"credentialName":"c","mode":"SIMPLE"}} -> {"hosts":["*"],"protocol":"HTTPS","tls":{"credentialName":"c","mode":"MUTUAL"}}',
    ],
  ],
  [
    'other workloads',
    gateway(SIMPLE),
    gateway(SIMPLE, 'istio: b'),
    ['selector: {"istio":"a"} -> {"istio":"b"}'],
  ],
  [
    'an address that the port is bound to',
    gateway("port: { number: 80, name: http, protocol: HTTP }, hosts: ['*']"),
    gateway("port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'], bind: 10.0.0.1"),
    ['port 80: {"protocol":"HTTP"} -> {"bind":"10.0.0.1","protocol":"HTTP"}'],
  ],
  [
    'one that goes away',
    gateway("port: { number: 80, name: http, protocol: HTTP }, hosts: ['*']"),
    '',
    ['selector: {"istio":"a"} -> none', 'port 80: {"protocol":"HTTP"} -> none'],
  ],
];

for (const [name, before, after, want] of CASES) {
  test(`diffRules() compares settings of Gateways: ${name}`, () => {
    const compared = (options?: DiffOptions) => diffRules(rules(before), rules(after), options);
    const { gateways } = compared();
    assert.deepEqual(
      gateways.map(({ field, from, to }) => `${field}: ${from} -> ${to}`),
      want,
    );
    assert.deepEqual(compared({ clients: [{ gateway: 'public' }] }).gateways, gateways);
    assert.deepEqual(compared({ clients: [{ gateway: 'other' }] }).gateways, []);
    assert.deepEqual(compared({ clients: [{}] }).gateways, []);
  });
}

test('diffText() and diffMarkdown() tell of settings of Gateways', () => {
  const diff = diffRules(rules(gateway(SIMPLE)), rules(gateway(SIMPLE, 'istio: b')));
  assert.equal(
    diffText(diff),
    'gateway default/public: selector {"istio":"a"} → {"istio":"b"}\n\n1 setting of gateways changes',
  );
  assert.match(
    diffMarkdown(diff),
    /^\*\*1 setting of gateways changes\*\*\n\n.*\n.*\n\| default\/public \| selector \| /,
  );
});
