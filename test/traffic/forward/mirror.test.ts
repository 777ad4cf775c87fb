import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ComparedAnswers,
  Comparison,
  type ComparisonSink,
} from '../../../traffic/compare/comparison.ts';
import { forward } from '../../../traffic/forward/index.ts';
import { MAX_KEPT_BYTES } from '../../../traffic/forward/kept-body.ts';
import { ERROR_CODE } from '../../../wire/stream.ts';
import { bytes, exchangeOf, FakeClient, FakeClock, FakeCluster, forwardDecision } from '../world.ts';

/** A request with a copy to cluster `m`. */
function begin(hasEnded: boolean, timeoutMs = 0, copies = new FakeCluster(['m1'])) {
  const clock = new FakeClock();
  const client = new FakeClient();
  const main = new FakeCluster(['e1']);
  const { exchange } = exchangeOf(client, hasEnded);
  const decision = forwardDecision({ timeoutMs, mirrors: [{ cluster: 'm', authority: 'b', path: '/copy' }] });
  const options = { maxBodyBytes: 4096, clock, random: () => 0 };
  const clusters = new Map([['m', copies.running]]);
  const receiver = forward(decision, exchange, main.running, options, clusters);
  return { clock, client, main, copies, receiver, exchange };
}

test('forward() copies the request with its body, under the authority and path of the mirror', () => {
  const { main, copies, receiver } = begin(false);
  receiver.data(bytes('ab'));
  receiver.data(bytes('c'));
  receiver.end([['t', '1']]);
  assert.equal(main.last.text, 'abc|');
  assert.equal(copies.last.text, 'abc|');
  assert.deepEqual([copies.last.head.authority, copies.last.head.path], ['b', '/copy']);
  assert.deepEqual(copies.last.trailers, [['t', '1']]);
});

test("forward() throws the copy's answer away, at the pace at which it comes", () => {
  const { client, main, copies } = begin(true);
  const copy = copies.last;
  copy.receiver.inform(103, []);
  copy.receiver.response(500, [['x', '1']], false);
  copy.receiver.data(bytes('wrong'));
  copy.receiver.end([]);
  assert.equal(copy.consumedBytes, 5);
  assert.equal(copies.active, 0);
  assert.equal(client.status, 0);
  main.last.answer(200);
  assert.deepEqual([client.status, client.headers, client.informed], [200, [], []]);
});

test('forward() does not care for a copy that fails', () => {
  const { client, main, copies, receiver } = begin(false);
  copies.last.receiver.reset('remote-connection-failure', 'refused');
  receiver.data(bytes('a'));
  receiver.end([]);
  main.last.answer(200);
  assert.deepEqual([client.status, copies.active, copies.last.text], [200, 0, '']);
});

test('forward() lets a copy go on after the answer, for as long as the rule allows', () => {
  const { client, clock, main, copies } = begin(true, 100);
  main.last.answer(200);
  assert.equal(client.status, 200);
  assert.equal(copies.last.resetCode, undefined);
  clock.pass(100);
  assert.equal(copies.last.resetCode, ERROR_CODE.CANCEL);
  assert.deepEqual([copies.active, clock.waiting], [0, 0]);
});

test('forward() gives a copy up that takes the body too slowly, and not the call', () => {
  const { main, copies, receiver } = begin(false);
  const chunk = new Uint8Array(MAX_KEPT_BYTES / 4);
  for (let count = 0; count < 4; count++) receiver.data(chunk);
  assert.equal(copies.last.resetCode, undefined);
  copies.last.receiver.sent(chunk.length);
  receiver.data(chunk);
  assert.equal(copies.last.resetCode, undefined);
  receiver.data(chunk);
  assert.equal(copies.last.resetCode, ERROR_CODE.CANCEL);
  assert.equal(main.last.text.length, 6 * chunk.length);
});

test('forward() credits the client by the call, not by the copy', () => {
  const { client, main, copies, receiver } = begin(false);
  receiver.data(bytes('abc'));
  copies.last.receiver.sent(3);
  assert.equal(client.consumedBytes, 0);
  main.last.receiver.sent(3);
  assert.equal(client.consumedBytes, 3);
});

test('forward() cancels a copy whose body will never be whole', () => {
  const gone = begin(false);
  gone.receiver.reset('remote-reset', 'gone');
  assert.equal(gone.copies.last.resetCode, ERROR_CODE.CANCEL);
  const early = begin(false);
  early.main.last.answer(401);
  assert.equal(early.copies.last.resetCode, ERROR_CODE.CANCEL);
});

test('forward() sends no copy to an endpoint that has more than enough to do, nor to a cluster that is gone', () => {
  const copies = new FakeCluster(['m1']);
  copies.endpoints[0]!.load.active = 1000;
  const busy = begin(true, 0, copies);
  assert.equal(busy.copies.tries.length, 0);
  const none = begin(true, 0, new FakeCluster([]));
  assert.equal(none.main.tries.length, 1);
});

/** The same with a comparison; what it found. */
function beginCompared(maxActive = 1) {
  const results: ComparedAnswers[] = [];
  let active = 0;
  const comparisons: ComparisonSink = {
    begin: (of, policy) =>
      active++ < maxActive ? new Comparison(of, policy, (result) => void results.push(result)) : undefined,
  };
  const compare = { status: true, headers: true, body: true, ignoredHeaders: [], ignoredFields: [] };
  const client = new FakeClient();
  const main = new FakeCluster(['e1']);
  const copies = new FakeCluster(['m1']);
  const { exchange } = exchangeOf(client, true);
  const mirrors = [{ cluster: 'm', authority: 'b', path: '/copy', compare }];
  const clusters = new Map([['m', copies.running]]);
  const options = { clock: new FakeClock(), random: () => 0, comparisons };
  const receiver = forward(forwardDecision({ mirrors }), exchange, main.running, options, clusters);
  return { client, main: main.last, copy: copies.last, receiver, results };
}

const outcomeOf = ({ outcome, differences }: ComparedAnswers) => [
  outcome,
  differences.map(({ kind, main, copy }) => [kind, main, copy]),
];

test('forward() compares the answer of a copy, whichever comes first', () => {
  for (const order of ['main', 'copy'] as const) {
    const { client, main, copy, results } = beginCompared();
    const answer = {
      main() {
        main.receiver.response(200, [['date', '1']], false);
        main.receiver.data(bytes('a'));
        main.receiver.end([]);
        assert.equal(client.text, 'a|');
      },
      copy() {
        copy.receiver.response(201, [['date', '2']], false);
        copy.receiver.data(bytes('b'));
        copy.receiver.end([]);
      },
    };
    answer[order]();
    assert.equal(results.length, 0);
    answer[order === 'main' ? 'copy' : 'main']();
    assert.deepEqual(results.map(outcomeOf), [
      [
        'different',
        [
          ['status', '200', '201'],
          ['body', '1 bytes', '1 bytes'],
        ],
      ],
    ]);
    assert.deepEqual([results[0]?.cluster, results[0]?.mirror, results[0]?.path], ['c', 'm', '/']);
  }
});

test('forward() tells that a copy gave no answer, and nothing of calls that have none themselves', () => {
  const lost = beginCompared();
  lost.main.answer(200);
  lost.copy.receiver.reset('connection-termination', '');
  assert.deepEqual(lost.results.map(outcomeOf), [['different', [['status', '200', undefined]]]]);

  const failed = beginCompared();
  failed.main.receiver.reset('remote-reset', '');
  assert.equal(failed.client.status, 503);
  failed.copy.answer(200);
  assert.deepEqual(failed.results.map(outcomeOf), [['unknown', []]]);

  const left = beginCompared();
  left.main.receiver.response(200, [], false);
  left.receiver.reset('connection-termination', '');
  left.copy.answer(200);
  assert.deepEqual(left.results.map(outcomeOf), [['unknown', []]]);
});

test('forward() makes a copy without a comparison where enough are under way', () => {
  const { client, main, copy, results } = beginCompared(0);
  main.answer(200);
  copy.answer(500);
  assert.deepEqual([client.status, results], [200, []]);
});

test('forward() judges an endpoint by the copies that it answers, too', () => {
  const told = (happens: (call: ReturnType<typeof begin>) => void, timeoutMs = 0) => {
    const call = begin(true, timeoutMs);
    happens(call);
    return call.copies.endpoints[0]!.told;
  };
  assert.deepEqual(
    told(({ copies }) => copies.last.answer(500)),
    [500],
  );
  assert.deepEqual(
    told(({ copies }) => copies.last.receiver.reset('remote-connection-failure', 'refused')),
    ['remote-connection-failure'],
  );
  assert.deepEqual(
    told(({ clock }) => clock.pass(50), 50),
    ['timeout'],
  );
  assert.deepEqual(
    told(({ clock, copies }) => {
      copies.last.receiver.response(200, [], false);
      clock.pass(50);
    }, 50),
    [200],
  );
});
