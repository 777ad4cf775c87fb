/** Warnings of what rules want and is not carried out, or not by this workload. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readText } from '../../../config/document.ts';
import { finish } from '../../../router/index.ts';
import { limitationsOf, type Means } from '../../../traffic/rule-set/limitation.ts';

const ALL: Means = { hasWorkloadCertificate: true, hasSecrets: true, isRouter: true };
const rule = (tls: string, more = '') =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: {host: a, ${more} trafficPolicy: {tls: ${tls}}}}`;
const MESH = rule('{mode: ISTIO_MUTUAL}');
const SECRET = rule('{mode: SIMPLE, credentialName: own}');
const SELECTED = rule('{mode: SIMPLE, credentialName: own}', 'workloadSelector: {matchLabels: {app: web}},');

for (const { name, text, means, want } of [
  { name: 'ISTIO_MUTUAL with a workload certificate', text: MESH, means: {}, want: undefined },
  {
    name: 'ISTIO_MUTUAL without one',
    text: MESH,
    means: { hasWorkloadCertificate: false },
    want: /ISTIO_MUTUAL of spec\.trafficPolicy .*no workload certificate, and no connection is made/,
  },
  { name: 'credentialName at the edge', text: SECRET, means: {}, want: undefined },
  {
    name: 'credentialName at the edge without Secrets',
    text: SECRET,
    means: { hasSecrets: false },
    want: /credentialName of spec\.trafficPolicy .*no source of rules has Secrets, and no connection is made/,
  },
  {
    name: 'credentialName in a sidecar',
    text: SECRET,
    means: { isRouter: false },
    want: /credentialName of spec\.trafficPolicy .*workloadSelector alone, and requests go in plaintext/,
  },
  {
    name: 'credentialName of a rule for this sidecar',
    text: SELECTED,
    means: { isRouter: false },
    want: undefined,
  },
])
  test(`limitationsOf() ${want ? 'warns' : 'does not warn'} of ${name}`, async () => {
    const { resources } = await readText(text, 'rules.yaml');
    assert.equal(resources.length, 1);
    const messages = finish(limitationsOf(resources, { ...ALL, ...means })).map(({ message }) => message);
    if (want === undefined) assert.deepEqual(messages, []);
    else assert.match(messages.join('\n'), want);
  });

test('limitationsOf() warns of retries that are to go to other localities', async () => {
  const spec =
    '{hosts: [a], http: [{retries: {attempts: 1, retryRemoteLocalities: true}, route: [{destination: {host: a}}]}]}';
  const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: ${spec}}`;
  const { resources } = await readText(text, 'rules.yaml');
  const [issue] = finish(limitationsOf(resources, ALL));
  assert.match(issue?.message ?? '', /retryRemoteLocalities of spec\.http\[0\]/);
});

test('limitationsOf() warns of a budget of retries by requests that are over', async () => {
  const messagesOf = async (interval: string) => {
    const spec = `{host: a, trafficPolicy: {retryBudget: {budgetInterval: ${interval}}}}`;
    const text = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: a}, spec: ${spec}}`;
    const { resources } = await readText(text, 'rules.yaml');
    return finish(limitationsOf(resources, ALL)).map(({ message }) => message);
  };
  assert.match((await messagesOf('1s')).join(), /retryBudget\.budgetInterval of spec\.trafficPolicy/);
  assert.deepEqual(await messagesOf('0s'), []);
});
