/** What an API server's refusal is to those who asked. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createApi, KubernetesError } from '../../../config/kubernetes/api.ts';
import { ApiServer } from './api-server.ts';

const server = new ApiServer(['services']);
const port = await server.listen();
const api = createApi({
  server: `http://127.0.0.1:${port}`,
  skipsVerification: false,
  authorization: async () => undefined,
});
after(async () => {
  api.close();
  await server.close();
});

for (const { name, retryAfter, want } of [
  { name: 'waits as long as it is asked to', retryAfter: 3, want: 3000 },
  { name: 'waits a minute where it is asked to for an hour', retryAfter: 3600, want: 60_000 },
  { name: 'is not asked to wait by a time that is past', retryAfter: -1, want: undefined },
])
  test(`createApi() ${name}`, async () => {
    server.fail(/services$/, { status: 429, message: 'too many requests', retryAfter });
    const refusal = await api
      .get('/api/v1/services', 'application/json', new AbortController().signal)
      .catch((error: unknown) => error);
    assert.ok(refusal instanceof KubernetesError);
    assert.deepEqual([refusal.status, refusal.retryAfterMs], [429, want]);
  });

test('createApi() gives up a list whose text stops', async () => {
  const stalling = createServer((_request, response) => void response.write('{"items":['));
  await new Promise<void>((done) => stalling.listen(0, '127.0.0.1', done));
  const { port } = stalling.address() as AddressInfo;
  const impatient = createApi(
    { server: `http://127.0.0.1:${port}`, skipsVerification: false, authorization: async () => undefined },
    100,
  );
  await assert.rejects(
    impatient.get('/api/v1/pods', 'application/json', new AbortController().signal),
    /the answer stopped for 0.1 s/,
  );
  impatient.close();
  stalling.closeAllConnections();
  stalling.close();
});
