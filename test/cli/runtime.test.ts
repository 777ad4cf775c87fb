/** The command line on the runtime that runs the tests; what it says is tested on Bun, which runs it for its users. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pointsman } from './program.ts';

const RULES = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http: [{ route: [{ destination: { host: greeter } }] }]
`;

test('check and explain read standard input, and print and exit as they do on Bun', async () => {
  const [fine, wrong, explained] = await Promise.all([
    pointsman(['check', '-'], { stdin: RULES }),
    pointsman(['check', '-'], { stdin: RULES.replace('route:', 'rout:') }),
    pointsman(['explain', 'deploy/istio', '--', '-H', 'user: admin', 'http://dubbo-go-server/']),
  ]);
  assert.deepEqual([fine.code, fine.stderr], [0, '1 valid resource, 0 errors, 0 warnings\n']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stdout, /^-:6:12 unknown-field: .*\n6 \| .*rout:.*\n {15}\^\n/);
  assert.equal(explained.code, 0);
  assert.match(explained.stdout, /→ to \S+ subset v2 /);
});
