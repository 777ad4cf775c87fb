import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { AppNameService } from '../gen/app_name/v1/app_name_pb.ts';
import { createApp, HOST, PORT } from '../main.ts';

const app = createApp();
let client: Client<typeof AppNameService>;

before(async () => {
  const { port } = await app.listen({ port: 0, servicePort: PORT });
  client = createClient(
    AppNameService,
    createConnectTransport({ baseUrl: `http://localhost:${port}`, httpVersion: '1.1' }),
  );
});

after(() => app.stop(0));

test('SayHello greets by name, from v1', async () => {
  const { message, version } = await client.sayHello({ name: 'laurence' });
  assert.equal(message, 'Hello laurence');
  assert.equal(version, 'v1');
});

test('the rules send every request to v1', () => {
  const { outcomes } = app.explain({
    method: 'POST',
    scheme: 'http',
    authority: HOST,
    path: '/app_name.v1.AppNameService/SayHello',
    headers: [],
    port: PORT,
    http2: false,
    tls: false,
  });
  assert.equal(outcomes.length, 1);
  assert.match(JSON.stringify(outcomes), /"subset":"v1"/);
});
