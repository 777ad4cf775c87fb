import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeaderList } from '../../router/index.ts';
import { withDate } from '../../traffic/filter/date.ts';
import { withForwarded } from '../../traffic/filter/forwarded.ts';
import { endToEnd } from '../../traffic/filter/hop-by-hop.ts';
import { changeResponseHeaders } from '../../traffic/filter/response-header.ts';

test('endToEnd() drops what RFC 9110 7.6.1 calls hop by hop and what connection names', () => {
  const headers: HeaderList = [
    ['connection', 'X-Secret, close'],
    ['x-secret', '1'],
    ['keep-alive', 'timeout=5'],
    ['proxy-connection', 'keep-alive'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'h2c'],
    ['http2-settings', 'x'],
    ['te', 'trailers, deflate'],
    ['a', '1'],
    ['a', '2'],
  ];
  assert.deepEqual(endToEnd(headers), [
    ['te', 'trailers'],
    ['a', '1'],
    ['a', '2'],
  ]);
  assert.deepEqual(endToEnd([['te', 'gzip']]), []);
});

test('endToEnd() drops what the connection names, but nothing that frames the message or tells where it is from', () => {
  const headers: HeaderList = [
    ['x-forwarded-for', '1.2.3.4'],
    ['content-length', '1'],
  ];
  const named: HeaderList = [
    ['connection', 'x-forwarded-for, Content-Length, cookie, X-A'],
    ['cookie', 'a=1'],
    ['x-a', '1'],
    ...headers,
  ];
  assert.deepEqual(endToEnd(named), headers);
});

test('endToEnd() gives back the list itself when there is nothing to drop', () => {
  const headers: HeaderList = [['a', '1']];
  assert.equal(endToEnd(headers), headers);
});

const requestId = () => 'new';

test("withForwarded() keeps what a sidecar's client says and adds what is missing", () => {
  assert.deepEqual(withForwarded([], false, undefined, requestId), [
    ['x-forwarded-proto', 'http'],
    ['x-request-id', 'new'],
  ]);
  assert.deepEqual(withForwarded([], true, undefined, requestId)[0], ['x-forwarded-proto', 'https']);
  const said: HeaderList = [
    ['x-forwarded-proto', 'https'],
    ['x-request-id', 'mine'],
    ['x-forwarded-for', '1.1.1.1'],
  ];
  assert.deepEqual(withForwarded(said, false, undefined, requestId), said);
});

test('withForwarded() at the edge says the scheme itself and adds the client to the chain', () => {
  const said: HeaderList = [
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-for', '1.1.1.1'],
  ];
  assert.deepEqual(withForwarded(said, false, '10.0.0.9', requestId), [
    ['x-forwarded-proto', 'http'],
    ['x-request-id', 'new'],
    ['x-envoy-external-address', '10.0.0.9'],
    ['x-forwarded-for', '1.1.1.1,10.0.0.9'],
  ]);
});

const FORGED: HeaderList = [
  ['x-request-id', 'mine'],
  ['x-envoy-internal', 'true'],
  ['x-envoy-max-retries', '9'],
  ['x-forwarded-client-cert', 'By=mine'],
  ['x-envoy-external-address', '9.9.9.9'],
  ['x-envoy-original-path', '/mine'],
  ['x-envoy-decorator-operation', 'mine'],
  ['x-envoy-peer-metadata', 'mine'],
];

test('withForwarded() leaves out what is believed of no client', () => {
  assert.deepEqual(withForwarded(FORGED, false, undefined, requestId), [
    ['x-request-id', 'mine'],
    ['x-envoy-external-address', '9.9.9.9'],
    ['x-envoy-original-path', '/mine'],
    ['x-envoy-decorator-operation', 'mine'],
    ['x-envoy-peer-metadata', 'mine'],
    ['x-forwarded-proto', 'http'],
  ]);
});

test('withForwarded() at the edge believes neither ids nor addresses, be the client known or not', () => {
  const known: HeaderList = [
    ['x-envoy-peer-metadata', 'mine'],
    ['x-forwarded-proto', 'http'],
    ['x-request-id', 'new'],
  ];
  const address: HeaderList = [
    ['x-envoy-external-address', '10.0.0.9'],
    ['x-forwarded-for', '10.0.0.9'],
  ];
  assert.deepEqual(withForwarded(FORGED, false, '10.0.0.9', requestId), [...known, ...address]);
  assert.deepEqual(withForwarded(FORGED, false, '', requestId), known);
});

test('withForwarded() gives a request whose id is empty one of its own', () => {
  assert.deepEqual(withForwarded([['x-request-id', '']], false, undefined, requestId), [
    ['x-forwarded-proto', 'http'],
    ['x-request-id', 'new'],
  ]);
});

test('changeResponseHeaders() fills in what only the answer can tell', () => {
  const facts = { status: 201, upstreamHost: '10.0.0.1:80', attempts: 1 };
  const headers = changeResponseHeaders(
    [['x-up', 'u']],
    [
      { kind: 'set', name: 'a', value: '%RESPONSE_CODE% from %UPSTREAM_HOST%', late: true },
      { kind: 'add', name: 'b', value: '%RESP(X-Up)%', late: true },
      { kind: 'add', name: 'c', value: '%RESP(x-none)%', late: true },
      { kind: 'remove', name: 'x-up' },
    ],
    [['access-control-allow-origin', 'http://a']],
    facts,
  );
  assert.deepEqual(headers, [
    ['a', '201 from 10.0.0.1:80'],
    ['b', 'u'],
    ['access-control-allow-origin', 'http://a'],
  ]);
});

test('withDate() says the time where the answer does not, to the second', () => {
  const nowMs = Date.UTC(1994, 10, 6, 8, 49, 37, 999);
  assert.deepEqual(withDate([['a', '1']], nowMs), [
    ['a', '1'],
    ['date', 'Sun, 06 Nov 1994 08:49:37 GMT'],
  ]);
  assert.deepEqual(withDate([], nowMs + 1), [['date', 'Sun, 06 Nov 1994 08:49:38 GMT']]);
  const said: HeaderList = [['date', 'then']];
  assert.equal(withDate(said, nowMs), said);
});
