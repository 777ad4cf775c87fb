import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ConnectError, createClient, createRouterTransport } from '@connectrpc/connect';
import { Health as HealthService } from '../../../gen/grpc/health/v1/health_pb.ts';
import { createHealth, type Health, ServingStatus } from '../../../services/health/health.ts';

function clientOf(health: Health) {
  return createClient(HealthService, createRouterTransport(health.routes));
}

test('Check answers for the server by the empty name and for each service by its full name', async () => {
  const health = createHealth(['api.Greeter']);
  const client = clientOf(health);
  health.set('api.Greeter', ServingStatus.NOT_SERVING);
  assert.equal((await client.check({})).status, ServingStatus.SERVING);
  assert.equal((await client.check({ service: 'api.Greeter' })).status, ServingStatus.NOT_SERVING);
});

test('Check fails with NOT_FOUND for a service that is not known', async () => {
  await assert.rejects(
    clientOf(createHealth([])).check({ service: 'api.Nobody' }),
    (error) => ConnectError.from(error).code === Code.NotFound,
  );
});

test('List answers with every status, and with RESOURCE_EXHAUSTED for more than 100', async () => {
  const health = createHealth(['api.Greeter']);
  const { statuses } = await clientOf(health).list({});
  assert.deepEqual(
    Object.entries(statuses).map(([name, { status }]) => [name, status]),
    [
      ['', ServingStatus.SERVING],
      ['api.Greeter', ServingStatus.SERVING],
    ],
  );
  for (let i = 0; i < 99; i += 1) health.set(`api.S${i}`, ServingStatus.SERVING);
  await assert.rejects(
    clientOf(health).list({}),
    (error) => ConnectError.from(error).code === Code.ResourceExhausted,
  );
});

test('Watch tells the status at once and then each change, of a service not yet known too', async () => {
  const health = createHealth([]);
  const watch = clientOf(health).watch({ service: 'api.Late' })[Symbol.asyncIterator]();
  assert.equal((await watch.next()).value?.status, ServingStatus.SERVICE_UNKNOWN);
  for (const status of [ServingStatus.SERVING, ServingStatus.NOT_SERVING, ServingStatus.SERVING]) {
    health.set('api.Other', status);
    health.set('api.Late', status);
    assert.equal((await watch.next()).value?.status, status);
  }
  await watch.return?.(undefined);
});

test('shutDown() makes everything NOT_SERVING for good and ends each watch', async () => {
  const health = createHealth(['api.Greeter']);
  const client = clientOf(health);
  const watch = client.watch({ service: 'api.Greeter' })[Symbol.asyncIterator]();
  assert.equal((await watch.next()).value?.status, ServingStatus.SERVING);
  health.shutDown();
  assert.equal((await watch.next()).value?.status, ServingStatus.NOT_SERVING);
  assert.equal((await watch.next()).done, true);
  health.set('api.Greeter', ServingStatus.SERVING);
  assert.equal((await client.check({ service: 'api.Greeter' })).status, ServingStatus.NOT_SERVING);
  assert.equal((await client.check({})).status, ServingStatus.NOT_SERVING);
});

test('Watch ends when its caller has gone', async () => {
  const gone = new AbortController();
  const watch = clientOf(createHealth([])).watch({}, { signal: gone.signal })[Symbol.asyncIterator]();
  await watch.next();
  const next = watch.next();
  gone.abort();
  await assert.rejects(next, (error) => ConnectError.from(error).code === Code.Canceled);
});
