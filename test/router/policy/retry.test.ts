/** Source of each expectation: Envoy `source/common/router/retry_state_impl.cc`, and the corpus' `retries-*` cases. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeaderList, RetryPolicy } from '../../../router/index.ts';
import { retriesAnswer, retriesReset, retryConditionsOf } from '../../../router/policy/retry.ts';

function conditions(retryOn: string, ...statusCodes: number[]) {
  const policy: RetryPolicy = {
    attempts: 2,
    retryOn: retryOn.split(','),
    statusCodes,
    perTryTimeoutMs: 0,
    backoffMs: 25,
    avoidPreviousHosts: true,
  };
  return retryConditionsOf(policy);
}

const ISTIO = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';

const ANSWERS: readonly {
  readonly on: string;
  readonly codes?: readonly number[];
  readonly yes: readonly number[];
  readonly no: readonly number[];
}[] = [
  { on: '5xx', yes: [500, 501, 503, 599], no: [200, 404, 409, 429, 499] },
  { on: 'gateway-error', yes: [502, 503, 504], no: [500, 501, 505, 404] },
  { on: 'retriable-4xx', yes: [409], no: [400, 404, 429, 500] },
  { on: 'retriable-status-codes', codes: [404, 503], yes: [404, 503], no: [200, 500] },
  { on: 'retriable-status-codes', codes: [200], yes: [200], no: [201] },
  { on: 'connect-failure,refused-stream,reset', yes: [], no: [500, 503, 409] },
  { on: '5xx ,5XX,unknown-word,retriable-headers,http3-post-connect-failure', yes: [], no: [500, 503] },
  { on: ISTIO, yes: [], no: [500, 502, 503, 504, 429, 409] },
  { on: `gateway-error,${ISTIO}`, codes: [404], yes: [404, 502], no: [500] },
];

for (const { on, codes = [], yes, no } of ANSWERS) {
  test(`retriesAnswer() by ${on}${codes.length > 0 ? ` (${codes})` : ''}`, () => {
    const given = conditions(on, ...codes);
    assert.deepEqual(
      [...yes, ...no].filter((status) => retriesAnswer(given, status, [])),
      yes,
    );
  });
}

test('retriesAnswer() knows the five gRPC words by the status in the head', () => {
  const words = ['cancelled', 'deadline-exceeded', 'resource-exhausted', 'internal', 'unavailable'];
  const got = words.map((word) =>
    Array.from({ length: 17 }, (_, status) => status).filter((status) =>
      retriesAnswer(conditions(word), 200, [['grpc-status', `${status}`]]),
    ),
  );
  assert.deepEqual(got, [[1], [4], [8], [13], [14]]);
  assert.equal(retriesAnswer(conditions(words.join()), 200, []), false);
});

test('retriesAnswer() tries a rate-limited request again only where envoy-ratelimited asks for it', () => {
  const limited: HeaderList = [['x-envoy-ratelimited', 'true']];
  assert.equal(retriesAnswer(conditions('5xx,retriable-status-codes', 429), 429, limited), false);
  assert.equal(retriesAnswer(conditions('envoy-ratelimited'), 429, limited), true);
  assert.equal(retriesAnswer(conditions('envoy-ratelimited'), 429, []), false);
});

const RESETS = [
  'remote-connection-failure',
  'connection-timeout',
  'remote-refused-stream-reset',
  'connection-termination',
  'remote-reset',
  'protocol-error',
  'local-reset',
  'overflow',
] as const;

for (const [on, yes] of [
  ['connect-failure', ['remote-connection-failure', 'connection-timeout']],
  // Nothing was sent where there was no connection, and nowhere else is that known.
  ['reset-before-request', ['remote-connection-failure', 'connection-timeout']],
  ['refused-stream', ['remote-refused-stream-reset']],
  [ISTIO, ['remote-connection-failure', 'connection-timeout', 'remote-refused-stream-reset']],
  ['5xx', RESETS.slice(0, -1)],
  ['gateway-error', RESETS.slice(0, -1)],
  ['reset', RESETS.slice(0, -1)],
  ['unavailable,cancelled,retriable-4xx,retriable-status-codes', []],
] as const) {
  test(`retriesReset() by ${on}`, () => {
    const given = conditions(on);
    assert.deepEqual(
      RESETS.filter((reason) => retriesReset(given, reason)),
      yes,
    );
  });
}
