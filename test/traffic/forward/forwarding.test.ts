/** Source of each expectation: Envoy `source/common/router/router.cc`, and the corpus' `retries-*` and `timeout-*` cases. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Forward } from '../../../router/index.ts';
import { CircuitBreaker } from '../../../router/policy/circuit-breaker.ts';
import { forward } from '../../../traffic/forward/index.ts';
import { MAX_KEPT_BYTES } from '../../../traffic/forward/kept-body.ts';
import { ERROR_CODE, type FieldList } from '../../../wire/stream.ts';
import {
  bytes,
  exchangeOf,
  FakeClient,
  FakeClock,
  FakeCluster,
  FakeEndpoint,
  forwardDecision,
  retryPolicy,
} from '../world.ts';

/** A request on its way. Back-off takes 10 ms. */
function begin(given: {
  readonly decision?: Partial<Forward>;
  readonly hasEnded?: boolean;
  readonly headers?: FieldList;
  readonly cluster?: FakeCluster;
}) {
  const { hasEnded = true, headers = [], cluster = new FakeCluster(['e1', 'e2']) } = given;
  const clock = new FakeClock();
  const client = new FakeClient();
  const { exchange, over } = exchangeOf(client, hasEnded, headers);
  const options = { maxBodyBytes: 4096, clock, random: () => 10 };
  const decision = forwardDecision(given.decision, headers);
  const receiver = forward(decision, exchange, cluster.running, options, new Map());
  return { clock, client, exchange, over, cluster, receiver };
}

/** Everything has been given back: no timer waits, no exchange is counted. */
function assertNothingLeft({ clock, cluster, over }: ReturnType<typeof begin>): void {
  assert.equal(clock.waiting, 0);
  assert.equal(cluster.active, 0);
  assert.equal(over.length, 1);
}

const on5xx = { retry: retryPolicy('5xx') };

test('forward() of a rule without limits sets no timer and passes the answer on', () => {
  const call = begin({ decision: { retry: retryPolicy('connect-failure,unavailable') }, hasEnded: false });
  call.receiver.data(bytes('ab'));
  call.receiver.end([]);
  const { last } = call.cluster;
  last.receiver.sent(2);
  assert.equal(call.client.consumedBytes, 2);
  last.receiver.response(200, [['a', '1']], false);
  last.receiver.data(bytes('x'));
  last.receiver.end([['t', '1']]);
  assert.deepEqual([call.client.status, call.client.text, call.client.trailers], [200, 'x|', [['t', '1']]]);
  assert.equal(last.text, 'ab|');
  assert.equal(last.resetCode, undefined);
  assert.equal(call.clock.setCount, 0);
  assert.equal(call.exchange.flag, undefined);
  assertNothingLeft(call);
});

test('forward() tries again after the back-off, at another endpoint, and counts the tries', () => {
  const call = begin({ decision: on5xx });
  call.cluster.last.answer(503);
  assert.equal(call.cluster.tries.length, 1);
  call.clock.pass(9);
  assert.equal(call.cluster.tries.length, 1);
  call.clock.pass(1);
  assert.deepEqual(
    call.cluster.tries.map((each) => [each.endpoint, each.header('x-envoy-attempt-count'), each.hasEnded]),
    [
      ['e1', '1', true],
      ['e2', '2', true],
    ],
  );
  call.cluster.last.answer(200);
  assert.equal(call.client.status, 200);
  assert.equal(call.exchange.flag, undefined);
  assertNothingLeft(call);
});

test('forward() takes the same endpoint where the rule does not avoid it', () => {
  const cluster = new FakeCluster(['e1']);
  const call = begin({ decision: { retry: retryPolicy('5xx', { avoidPreviousHosts: false }) }, cluster });
  call.cluster.last.answer(503);
  call.clock.pass(10);
  assert.deepEqual(
    cluster.tries.map(({ endpoint }) => endpoint),
    ['e1', 'e1'],
  );
});

test('forward() gives the last answer when no try is left, flagged URX', () => {
  const call = begin({ decision: on5xx });
  for (const status of [503, 502, 500]) {
    call.cluster.last.answer(status, [['n', `${status}`]]);
    call.clock.pass(10);
  }
  assert.equal(call.cluster.tries.length, 3);
  assert.deepEqual([call.client.status, call.client.headers], [500, [['n', '500']]]);
  assert.equal(call.exchange.flag, 'URX');
  assertNothingLeft(call);
});

// Envoy counts what it judges to need no other try: a last answer that does is a failure still.
for (const [last, successes] of [
  [503, 0],
  [200, 1],
] as const)
  test(`forward() counts ${successes} successful retries where the last of them is answered ${last}`, () => {
    const call = begin({ decision: on5xx });
    for (const status of [503, 503, last]) {
      call.cluster.last.answer(status);
      call.clock.pass(10);
    }
    const { retries, retrySuccesses, retryLimitExceeded } = call.cluster.running.counter;
    assert.deepEqual([retries, retrySuccesses, retryLimitExceeded], [2, successes, 1 - successes]);
  });

test('forward() says that the endpoint cannot be reached, and that it was tried again', () => {
  const call = begin({ decision: { retry: retryPolicy('connect-failure') } });
  for (let count = 0; count < 3; count++) {
    call.cluster.last.receiver.reset('remote-connection-failure', 'refused');
    call.clock.pass(10);
  }
  assert.equal(call.client.status, 503);
  assert.equal(
    call.client.text,
    'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure|',
  );
  assert.equal(call.exchange.flag, 'URX,UF');
  assertNothingLeft(call);
});

test('forward() sends a kept body again, whole and once credited', () => {
  const call = begin({ decision: on5xx, hasEnded: false });
  call.receiver.data(bytes('hello '));
  const first = call.cluster.last;
  first.receiver.sent(6);
  first.receiver.response(503, [], false);
  assert.equal(first.resetCode, ERROR_CODE.CANCEL);
  call.receiver.data(bytes('wor'));
  call.clock.pass(10);
  const second = call.cluster.last;
  assert.equal(second.hasEnded, false);
  assert.equal(second.text, 'hello wor');
  call.receiver.data(bytes('ld'));
  call.receiver.end([['t', '1']]);
  assert.equal(second.text, 'hello world|');
  assert.deepEqual(second.trailers, [['t', '1']]);
  assert.equal(call.client.consumedBytes, 6);
  second.receiver.sent(5);
  assert.equal(call.client.consumedBytes, 6);
  second.receiver.sent(6);
  assert.equal(call.client.consumedBytes, 11);
  second.answer(200);
  assert.equal(call.client.status, 200);
  assertNothingLeft(call);
});

test('forward() hears nothing more of a try that was given up', () => {
  const call = begin({ decision: on5xx, hasEnded: false });
  const first = call.cluster.last;
  first.receiver.response(503, [], false);
  first.receiver.response(200, [], false);
  first.receiver.inform(103, []);
  first.receiver.data(bytes('late'));
  first.receiver.end([]);
  first.receiver.reset('remote-reset', 'late');
  call.clock.pass(10);
  assert.equal(call.cluster.tries.length, 2);
  assert.deepEqual([call.client.status, call.client.text, call.client.informed], [0, '', []]);
});

test('forward() passes a body through that is too large to keep, and does not try again', () => {
  const call = begin({ decision: on5xx, hasEnded: false });
  const half = new Uint8Array(MAX_KEPT_BYTES / 2);
  for (const chunk of [half, half, new Uint8Array(1)]) call.receiver.data(chunk);
  assert.equal(call.cluster.last.text.length, MAX_KEPT_BYTES + 1);
  call.cluster.last.answer(503);
  assert.equal(call.client.status, 503);
  assert.equal(call.cluster.tries.length, 1);
  assertNothingLeft(call);
});

test('forward() tries again with a body of just the size that is kept', () => {
  const call = begin({ decision: on5xx, hasEnded: false });
  call.receiver.data(new Uint8Array(MAX_KEPT_BYTES));
  call.receiver.end([]);
  call.cluster.last.answer(503);
  call.clock.pass(10);
  assert.equal(call.cluster.last.text.length, MAX_KEPT_BYTES + 1);
});

test('forward() answers 507 when a body grows too large while a retry waits', () => {
  const call = begin({ decision: on5xx, hasEnded: false });
  call.cluster.last.receiver.response(503, [], false);
  call.receiver.data(new Uint8Array(MAX_KEPT_BYTES + 1));
  assert.equal(call.client.status, 507);
  assert.equal(call.client.text, 'exceeded request buffer limit while retrying upstream|');
  call.clock.pass(100);
  assert.equal(call.cluster.tries.length, 1);
  assertNothingLeft(call);
});

test('forward() tries nothing again once the answer has begun', () => {
  const call = begin({ decision: on5xx });
  call.cluster.last.receiver.response(200, [], false);
  call.cluster.last.receiver.reset('remote-reset', '');
  assert.equal(call.client.resetCode, ERROR_CODE.INTERNAL_ERROR);
  assert.equal(call.exchange.flag, 'UR');
  call.clock.pass(100);
  assert.equal(call.cluster.tries.length, 1);
  assertNothingLeft(call);
});

test('forward() tries nothing again after an informational answer', () => {
  for (const status of [100, 103]) {
    const call = begin({ decision: on5xx });
    call.cluster.last.receiver.inform(status, []);
    call.cluster.last.answer(503);
    call.clock.pass(10);
    assert.equal(call.cluster.tries.length, 1);
  }
});

test('forward() looks at the gRPC status of an answer that is all head, and of no other', () => {
  const decision = { retry: retryPolicy('unavailable') };
  const headOnly = begin({ decision });
  headOnly.cluster.last.answer(200, [['grpc-status', '14']]);
  headOnly.clock.pass(10);
  assert.equal(headOnly.cluster.tries.length, 2);

  const withTrailers = begin({ decision });
  withTrailers.cluster.last.receiver.response(200, [], false);
  withTrailers.cluster.last.receiver.end([['grpc-status', '14']]);
  assert.equal(withTrailers.exchange.grpcStatus, 14);
  assert.equal(withTrailers.cluster.tries.length, 1);
  assertNothingLeft(withTrailers);
});

test('forward() gives up a try whose time is over, and makes another where the rule asks for it', () => {
  const call = begin({ decision: { retry: retryPolicy('5xx', { attempts: 1, perTryTimeoutMs: 200 }) } });
  assert.equal(call.cluster.last.header('x-envoy-expected-rq-timeout-ms'), '200');
  call.clock.pass(200);
  assert.equal(call.cluster.tries[0]!.resetCode, ERROR_CODE.CANCEL);
  call.clock.pass(10);
  assert.equal(call.cluster.tries.length, 2);
  call.clock.pass(200);
  assert.deepEqual([call.client.status, call.client.text], [504, 'upstream request timeout|']);
  assert.equal(call.exchange.flag, 'URX,UT');
  assertNothingLeft(call);
});

test('forward() makes no other try after a timeout with the default conditions', () => {
  const retry = retryPolicy('connect-failure,refused-stream,unavailable', { perTryTimeoutMs: 200 });
  const call = begin({ decision: { retry } });
  call.clock.pass(200);
  assert.equal(call.client.status, 504);
  assert.equal(call.exchange.flag, 'UT');
  assertNothingLeft(call);
});

test('forward() lets an answer that has begun take longer than a try', () => {
  const call = begin({ decision: { retry: retryPolicy('5xx', { perTryTimeoutMs: 200 }) } });
  call.cluster.last.receiver.response(200, [], false);
  call.clock.pass(1000);
  call.cluster.last.receiver.end([]);
  assert.equal(call.client.text, '|');
  assertNothingLeft(call);
});

test('forward() ends all tries with the time of the rule, a waiting retry too', () => {
  const call = begin({ decision: { ...on5xx, timeoutMs: 300 } });
  call.clock.pass(295);
  call.cluster.last.answer(503);
  call.clock.pass(5);
  assert.equal(call.client.status, 504);
  assert.equal(call.exchange.flag, 'UT');
  call.clock.pass(100);
  assert.equal(call.cluster.tries.length, 1);
  assertNothingLeft(call);
});

test('forward() tells later tries that there is less time', () => {
  const headers: FieldList = [
    ['content-type', 'application/grpc'],
    ['grpc-timeout', '9S'],
    ['x-envoy-attempt-count', '7'],
  ];
  const call = begin({ decision: { ...on5xx, timeoutMs: 300 }, headers });
  call.clock.pass(100);
  call.cluster.last.receiver.reset('remote-reset', '');
  call.clock.pass(10);
  assert.deepEqual(
    call.cluster.tries.map(({ head }) => head.headers.filter(([name]) => name !== 'content-type')),
    ['300', '190'].map((ms, index) => [
      ['x-envoy-attempt-count', `${index + 1}`],
      ['x-envoy-expected-rq-timeout-ms', ms],
      ['grpc-timeout', `${ms}m`],
    ]),
  );
});

test('forward() starts the time of a rule with the end of the request', () => {
  const retry = retryPolicy('5xx', { perTryTimeoutMs: 100 });
  const call = begin({ decision: { retry, timeoutMs: 300 }, hasEnded: false });
  call.clock.pass(10_000);
  assert.equal(call.client.status, 0);
  call.receiver.end([]);
  call.clock.pass(99);
  assert.equal(call.cluster.last.resetCode, undefined);
  call.clock.pass(1);
  assert.equal(call.cluster.last.resetCode, ERROR_CODE.CANCEL);
});

test('forward() ignores a time for each try that is no shorter than the whole', () => {
  const call = begin({ decision: { retry: retryPolicy('5xx', { perTryTimeoutMs: 300 }), timeoutMs: 300 } });
  assert.equal(call.clock.setCount, 1);
});

test('forward() cancels the upstream when the client has gone', () => {
  const call = begin({ decision: { ...on5xx, timeoutMs: 300 } });
  call.receiver.reset('remote-reset', 'gone');
  assert.equal(call.cluster.last.resetCode, ERROR_CODE.CANCEL);
  assert.equal(call.exchange.flag, 'DR');
  assertNothingLeft(call);
});

for (const [reason, flag, details] of [
  ['remote-reset', 'DR', 'http2.remote_reset'],
  ['connection-termination', 'DC', 'downstream_remote_disconnect'],
  ['local-reset', 'SI', 'stream_idle_timeout'],
] as const)
  test(`forward() says ${flag} of a client who has gone by ${reason}, amid an answer, too`, () => {
    for (const hasBegun of [false, true]) {
      const call = begin({});
      if (hasBegun) call.cluster.last.receiver.response(200, [], false);
      call.receiver.reset(reason, 'gone');
      assert.deepEqual([call.exchange.flag, call.exchange.details], [flag, details]);
      assertNothingLeft(call);
    }
  });

test('forward() makes no retry for a client who has gone while it waited', () => {
  const call = begin({ decision: on5xx });
  call.cluster.last.answer(503);
  call.receiver.reset('remote-reset', 'gone');
  call.clock.pass(100);
  assert.equal(call.cluster.tries.length, 1);
  assert.equal(call.exchange.flag, 'DR');
  assertNothingLeft(call);
});

/** One retry at a time. */
const oneRetry = (): CircuitBreaker =>
  new CircuitBreaker({ maxRetries: 1, connectTimeoutMs: 10_000, idleTimeoutMs: 0 }, undefined);

test('forward() makes no retry where the cluster has too many, flagged UO', () => {
  const breaker = oneRetry();
  const cluster = new FakeCluster(['e1'], breaker);
  const one = begin({ decision: on5xx, cluster });
  one.cluster.last.answer(503);
  assert.equal(breaker.retries.active, 1);
  const other = begin({ decision: on5xx, cluster });
  cluster.last.answer(503);
  assert.deepEqual([other.client.status, other.exchange.flag], [503, 'UO']);
  one.clock.pass(10);
  cluster.last.answer(200);
  assert.equal(one.client.status, 200);
  assert.equal(breaker.retries.active, 0);
});

test('forward() gives a retry back that never was made', () => {
  const breaker = oneRetry();
  const call = begin({ decision: on5xx, cluster: new FakeCluster(['e1'], breaker) });
  call.cluster.last.answer(503);
  call.receiver.reset('remote-reset', 'gone');
  assert.equal(breaker.retries.active, 0);
});

test('forward() answers UH when no endpoint is left for a retry', () => {
  const call = begin({ decision: on5xx });
  call.cluster.last.answer(503);
  call.cluster.endpoints.length = 0;
  call.clock.pass(10);
  assert.deepEqual(
    [call.client.status, call.client.text, call.exchange.flag],
    [503, 'no healthy upstream|', 'UH'],
  );
  assert.equal(call.clock.waiting, 0);
});

test("forward() changes a failure's headers as the rule changes an answer's", () => {
  const responseHeaders = [
    { kind: 'set', name: 'x-a', value: '1' },
    { kind: 'add', name: 'x-host', value: '%UPSTREAM_HOST%', late: true },
  ] as const;
  const call = begin({ decision: { timeoutMs: 10, responseHeaders } });
  call.clock.pass(10);
  assert.deepEqual(call.client.headers, [
    ['x-a', '1'],
    ['x-host', 'e1:80'],
    ['content-type', 'text/plain'],
    ['content-length', '24'],
  ]);
});

test('forward() leaves no timer behind when the answer comes with the last byte of the request', () => {
  const call = begin({ decision: { ...on5xx, timeoutMs: 300 }, hasEnded: false });
  const first = call.cluster.last;
  const end = first.end.bind(first);
  first.end = (trailers) => {
    end(trailers);
    first.answer(200);
  };
  call.receiver.end([]);
  assert.equal(call.client.status, 200);
  assertNothingLeft(call);
});

test('forward() counts on when a retry breaks while its body is sent', () => {
  const retry = retryPolicy('5xx', { perTryTimeoutMs: 100 });
  const call = begin({ decision: { retry }, hasEnded: false });
  call.receiver.data(bytes('a'));
  call.receiver.end([]);
  const { endpoints } = call.cluster;
  const { upstream } = endpoints[1]!;
  const broken = new FakeEndpoint('e2', {
    open: (...given) => {
      const stream = upstream.open(...given);
      stream.write = () => given[2].reset('connection-termination', '');
      return stream;
    },
  });
  endpoints.splice(1, 1, broken);
  call.cluster.last.answer(503);
  call.clock.pass(10);
  assert.equal(call.cluster.tries.length, 2);
  assert.equal(call.clock.waiting, 1);
  call.clock.pass(10);
  assert.equal(call.cluster.tries.length, 3);
});

test('forward() tells each endpoint how its try went, at the head of the answer', () => {
  const call = begin({ decision: on5xx });
  const [e1, e2] = call.cluster.endpoints;
  call.cluster.last.answer(503);
  assert.deepEqual(e1!.told, [503]);
  call.clock.pass(10);
  call.cluster.last.receiver.response(200, [], false);
  assert.deepEqual(e2!.told, [200]);
  call.cluster.last.receiver.end([]);
  assert.deepEqual([e1!.told, e2!.told], [[503], [200]]);
});

test('forward() tells an endpoint of gRPC that failed in its head by the status that HTTP has for it', () => {
  const headers: FieldList = [['content-type', 'application/grpc']];
  const call = begin({ headers });
  call.cluster.last.answer(200, [['grpc-status', '14']]);
  assert.deepEqual(call.cluster.endpoints[0]!.told, [503]);
  const plain = begin({});
  plain.cluster.last.answer(200, [['grpc-status', '14']]);
  assert.deepEqual(plain.cluster.endpoints[0]!.told, [200]);
});

test('forward() tells an endpoint of a reset, before the answer or amid it, and of a status that nobody knows', () => {
  const refused = begin({});
  refused.cluster.last.receiver.reset('remote-connection-failure', '');
  assert.deepEqual(refused.cluster.endpoints[0]!.told, ['remote-connection-failure']);
  const broken = begin({});
  broken.cluster.last.receiver.response(200, [], false);
  broken.cluster.last.receiver.reset('connection-termination', '');
  assert.deepEqual(broken.cluster.endpoints[0]!.told, [200, 'connection-termination']);
  const odd = begin({ decision: on5xx });
  odd.cluster.last.answer(777);
  assert.deepEqual(odd.cluster.endpoints[0]!.told, [777]);
  assert.equal(odd.client.status, 777);
});

test("forward() tells an endpoint that the time was over, the whole or the try's, once, and only before an answer", () => {
  const whole = begin({ decision: { timeoutMs: 50 } });
  whole.clock.pass(50);
  assert.deepEqual(whole.cluster.endpoints[0]!.told, ['timeout']);
  const each = begin({ decision: { retry: retryPolicy('5xx', { perTryTimeoutMs: 20, attempts: 1 }) } });
  each.clock.pass(100);
  assert.deepEqual(
    each.cluster.endpoints.map(({ told }) => told),
    [['timeout'], ['timeout']],
  );
  const answered = begin({ decision: { timeoutMs: 50 } });
  answered.cluster.last.receiver.response(200, [], false);
  answered.clock.pass(50);
  assert.deepEqual(answered.cluster.endpoints[0]!.told, [200]);
});

test('forward() tells an endpoint nothing of a try that its client gave up', () => {
  const call = begin({});
  call.receiver.reset('remote-reset', 'gone');
  assert.deepEqual(call.cluster.endpoints[0]!.told, []);
});

test('forward() answers 503 with UO and x-envoy-overloaded beyond a limit of the cluster, and tries no more', () => {
  const call = begin({ decision: on5xx });
  call.cluster.last.receiver.reset('overflow', '');
  const { client, exchange, cluster } = call;
  assert.deepEqual([client.status, exchange.flag, cluster.tries.length], [503, 'UO', 1]);
  assert.equal(client.headers.find(([name]) => name === 'x-envoy-overloaded')?.[1], 'true');
  assert.match(client.text, /reset reason: overflow/);
  assert.equal(cluster.running.counter.requests, 0);
  assertNothingLeft(call);
  const grpc = begin({ headers: [['content-type', 'application/grpc']] });
  grpc.cluster.last.receiver.reset('overflow', '');
  assert.deepEqual(
    ['grpc-status', 'x-envoy-overloaded'].map(
      (wanted) => grpc.client.headers.find(([name]) => name === wanted)?.[1],
    ),
    ['14', 'true'],
  );
});

test('forward() hashes a request once, and its retries go by the same hash to other endpoints', () => {
  const cluster = new FakeCluster(['e1', 'e2', 'e3'], undefined, true);
  const hashPolicy = [{ kind: 'cookie', name: 'user', ttlMs: 0 }] as const;
  const call = begin({ decision: { ...on5xx, hashPolicy }, cluster });
  for (let tries = 0; tries < 2; tries++) {
    cluster.last.answer(503);
    call.clock.pass(100);
  }
  cluster.last.answer(200);
  const [first, ...others] = cluster.picks;
  assert.equal(typeof first!.hash, 'bigint');
  assert.deepEqual(
    others.map(({ hash, authority }) => [hash, authority]),
    [
      [first!.hash, 'a'],
      [first!.hash, 'a'],
    ],
  );
  assert.deepEqual([...others[1]!.avoid!], cluster.endpoints.slice(0, 2));
  assert.equal(call.client.headers.filter(([name]) => name === 'set-cookie').length, 1);
});

test('forward() makes no cookie where the cluster does not pick by it', () => {
  const hashPolicy = [{ kind: 'cookie', name: 'user', ttlMs: 0 }] as const;
  const call = begin({ decision: { hashPolicy } });
  call.cluster.last.answer(200);
  assert.equal(call.cluster.picks[0]!.hash, undefined);
  assert.deepEqual(call.client.headers, []);
});
