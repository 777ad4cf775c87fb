/** The gateway's own services: reflection and health, for its own address alone and only where no rule matches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealth } from '../../services/health/health.ts';
import { openGateway } from './world.ts';

const check = (baseUrl: string) =>
  fetch(`${baseUrl}/grpc.health.v1.Health/Check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });

test('ownServices answer for the gateway’s own address where no rule matches', async () => {
  const { gateway, baseUrl } = await openGateway({ ownServices: createHealth([]).routes });
  const answer = await check(baseUrl);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { status: 'SERVING' });
  assert.equal((await fetch(`${baseUrl}/grpc.health.v1.Health/Nope`)).status, 404);
  await gateway.stop(0);
});

test('ownServices leave a path to the default host that a rule matches', async () => {
  const service = { host: 'echo', port: 80, handler: { fetch: () => new Response('the service') } };
  const { gateway, baseUrl } = await openGateway({
    ownServices: createHealth([]).routes,
    defaultHost: 'echo',
    services: [service],
  });
  assert.equal(await (await check(baseUrl)).text(), 'the service');
  await gateway.stop(0);
});

test('ownServices do not answer for a host that is not the gateway’s', async () => {
  const { gateway } = await openGateway({ ownServices: createHealth([]).routes });
  const answer = await gateway.fetch(
    new Request('http://other.example/grpc.health.v1.Health/Check', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    }),
  );
  assert.equal(answer.status, 404);
  await gateway.stop(0);
});
