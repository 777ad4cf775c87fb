import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code } from '@connectrpc/connect';
import { codeToHttpStatus } from '@connectrpc/connect/protocol-connect';
import { encodeGrpcMessage } from '../../../router/route/grpc.ts';
import { decodeGrpcMessage, httpStatusOf } from '../../../wire/grpc/status.ts';

test('httpStatusOf() agrees with Connect on every status', () => {
  const codes = Object.values(Code).filter((code) => typeof code === 'number');
  assert.equal(codes.length, 16);
  for (const code of codes) assert.equal(httpStatusOf(code), codeToHttpStatus(code), Code[code]);
  assert.equal(httpStatusOf(0), 200);
  for (const none of [17, -1, 1.5, Number.NaN]) assert.equal(httpStatusOf(none), 500);
});

test('decodeGrpcMessage() reads what the router and URI coding write', () => {
  for (const text of ['', 'plain', '100%', 'a b\n', 'Grüße, 世界 🚀', '%41', '\u{feff}bom'])
    for (const written of [encodeGrpcMessage(text), encodeURIComponent(text)])
      assert.equal(decodeGrpcMessage(written), text, written);
});

test('decodeGrpcMessage() keeps what is not percent-encoded', () => {
  for (const text of ['%', '%4', '%zz', 'a%2', '%%']) assert.equal(decodeGrpcMessage(text), text);
  assert.equal(decodeGrpcMessage('%e4%b8%9x'), '\u{fffd}%9x');
  assert.equal(decodeGrpcMessage('%FF'), '\u{fffd}');
});
