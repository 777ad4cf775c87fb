import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureReply, replyOf } from '../../traffic/local-reply.ts';

const text = (body: unknown) => (body === null ? null : new TextDecoder().decode(body as Uint8Array));

test('failureReply() speaks the protocol of the client', () => {
  const failure = { status: 503, message: 'no healthy upstream', flag: 'UH' } as const;
  for (const asked of ['application/json', 'application/grpc-web', 'application/grpc-web+proto']) {
    const { status, headers, body } = failureReply(failure, asked);
    assert.deepEqual(
      { status, headers, body: text(body) },
      {
        status: 503,
        headers: [
          ['content-type', 'text/plain'],
          ['content-length', '19'],
        ],
        body: 'no healthy upstream',
      },
    );
  }
  for (const [asked, said] of [
    ['application/grpc', 'application/grpc'],
    ['application/grpc+proto', 'application/grpc'],
    ['application/grpc+json', 'application/grpc+json'],
  ] as const) {
    const { status, headers, body } = failureReply(failure, asked);
    assert.deepEqual(
      { status, headers, body },
      {
        status: 200,
        headers: [
          ['content-type', said],
          ['grpc-status', '14'],
          ['grpc-message', 'no healthy upstream'],
        ],
        body: null,
      },
    );
  }
});

// Source: Envoy source/common/grpc/status.cc (httpToGrpcStatus).
test('failureReply() maps HTTP statuses to gRPC as Envoy does', () => {
  const cases = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 500: 2, 502: 14, 503: 14, 504: 14 };
  for (const [status, want] of Object.entries(cases)) {
    const { headers } = failureReply({ status: Number(status), message: '' }, 'application/grpc');
    assert.deepEqual(headers.find(([name]) => name === 'grpc-status')?.[1], `${want}`, status);
  }
});

// Source: grpc/grpc doc/PROTOCOL-HTTP2.md (Percent-Encoded).
test('failureReply() encodes a message that is no plain text', () => {
  const { headers } = failureReply({ status: 404, message: '100% ä\n' }, 'application/grpc');
  assert.equal(headers.find(([name]) => name === 'grpc-message')?.[1], '100%25 %C3%A4%0A');
});

test('replyOf() keeps what the router has decided', () => {
  const reply = replyOf(
    { kind: 'reply', status: 301, headers: [['location', '/x']], body: '', responseHeaders: [], reason: '' },
    undefined,
  );
  assert.deepEqual(
    { status: reply.status, headers: reply.headers, body: reply.body },
    {
      status: 301,
      headers: [
        ['location', '/x'],
        ['content-length', '0'],
      ],
      body: null,
    },
  );
});
