import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSuite } from '../connect-conformance/suite.ts';
import { findPeer, skipWithout } from '../peer/find.ts';

const skip = skipWithout('connectconformance') || skipWithout('referenceserver');

test('listen() passes the Connect conformance suite with the service in process, whole', {
  skip: skipWithout('connectconformance'),
}, async () => {
  const { passed, output } = await runSuite('server', ['in-process']);
  assert.ok(passed >= 3800, output.slice(-20_000));
});

test("listen() passes the Connect conformance suite before the suite's own server", { skip }, async () => {
  const { passed, output } = await runSuite('server', ['remote', findPeer('referenceserver')!]);
  assert.ok(passed >= 1000, output.slice(-20_000));
});

const skipClient = skipWithout('connectconformance') || skipWithout('referenceclient');

test("listen() passes the Connect conformance suite between the suite's own client and server, over TLS to it, too", {
  skip: skipClient,
}, async () => {
  const { passed, output } = await runSuite('client', [findPeer('referenceclient')!]);
  assert.ok(passed >= 12_000, output.slice(-20_000));
});

test('createRoutedTransport() passes the Connect conformance suite where the stock transports do', {
  skip: skipWithout('connectconformance'),
}, async () => {
  const { passed, output } = await runSuite('routed-client', []);
  assert.ok(passed >= 2500, output.slice(-20_000));
});
