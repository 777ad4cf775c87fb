/** Source of each expectation: Envoy `source/extensions/filters/http/fault/fault_filter.cc`, and the corpus' `fault-*` cases. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../../../router/index.ts';
import { injectFault } from '../../../traffic/filter/fault.ts';
import type { FieldList, StreamReceiver } from '../../../wire/stream.ts';
import { bytes, exchangeOf, FakeClient, FakeClock, forwardDecision } from '../world.ts';

function begin(fault: Fault, headers: FieldList = []) {
  const clock = new FakeClock();
  const client = new FakeClient();
  const { exchange, over } = exchangeOf(client, false, headers);
  const heard: string[] = [];
  const next: StreamReceiver = {
    data: (chunk) => void heard.push(`data ${new TextDecoder().decode(chunk)}`),
    end: (trailers) => void heard.push(`end ${trailers.length}`),
    reset: (reason) => void heard.push(`reset ${reason}`),
    sent: (count) => void heard.push(`sent ${count}`),
  };
  const receiver = injectFault(fault, forwardDecision(), exchange, clock, () => {
    heard.push('carried out');
    return next;
  });
  return { clock, client, exchange, over, heard, receiver };
}

test('injectFault() delays the request, and holds what comes of it meanwhile without crediting it', () => {
  const { clock, client, exchange, heard, receiver } = begin({ delayMs: 400 });
  receiver.data(bytes('a'));
  receiver.data(bytes('b'));
  clock.pass(399);
  assert.deepEqual(heard, []);
  assert.equal(client.consumedBytes, 0);
  clock.pass(1);
  receiver.data(bytes('c'));
  receiver.end([['t', '1']]);
  receiver.sent(3);
  assert.deepEqual(heard, ['carried out', 'data a', 'data b', 'data c', 'end 1', 'sent 3']);
  assert.equal(exchange.flag, 'DI');
});

test('injectFault() passes a body on that ended while it waited, and a client who leaves afterwards', () => {
  const { clock, heard, receiver } = begin({ delayMs: 400 });
  receiver.end([]);
  clock.pass(400);
  receiver.reset('remote-reset', 'gone');
  assert.deepEqual(heard, ['carried out', 'end 0', 'reset remote-reset']);
});

test('injectFault() carries nothing out for a client who has gone while it waited', () => {
  const { clock, exchange, heard, over, receiver } = begin({ delayMs: 400 });
  receiver.reset('remote-reset', 'gone');
  clock.pass(1000);
  assert.deepEqual([heard, exchange.flag, clock.waiting, over.length], [[], 'DI,DR', 0, 1]);
});

test('injectFault() aborts after the delay', () => {
  const { clock, client, exchange, heard } = begin({ delayMs: 300, abort: { httpStatus: 400 } });
  assert.equal(client.status, 0);
  clock.pass(300);
  assert.deepEqual([client.status, client.text], [400, 'fault filter abort|']);
  assert.deepEqual([exchange.flag, heard], ['DI,FI', []]);
});

const grpc: FieldList = [['content-type', 'application/grpc']];
const web: FieldList = [['content-type', 'application/grpc-web+proto']];

for (const [name, abort, headers, status, text, grpcStatus, type] of [
  ['an HTTP status', { httpStatus: 555 }, [], 555, 'fault filter abort|', undefined, 'text/plain'],
  ['an HTTP status, to gRPC', { httpStatus: 503 }, grpc, 200, '|', '14', 'application/grpc'],
  ['a gRPC status', { grpcStatus: 7 }, grpc, 200, '|', '7', 'application/grpc'],
  ['a gRPC status, to gRPC-Web', { grpcStatus: 7 }, web, 200, 'fault filter abort|', undefined, 'text/plain'],
  [
    'a gRPC status, to anybody else',
    { grpcStatus: 14 },
    [],
    200,
    'fault filter abort|',
    undefined,
    'text/plain',
  ],
] as const) {
  test(`injectFault() aborts with ${name}`, () => {
    const { client, exchange } = begin({ abort }, headers);
    const header = (wanted: string) => client.headers.find(([each]) => each === wanted)?.[1];
    assert.deepEqual([client.status, client.text], [status, text]);
    assert.deepEqual([header('grpc-status'), header('content-type')], [grpcStatus, type]);
    assert.equal(exchange.flag, 'FI');
  });
}
