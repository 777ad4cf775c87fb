import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrapSource, readBootstrap } from '../../../config/xds/bootstrap.ts';

const insecure = [{ type: 'google_default' }, { type: 'insecure' }];
const bootstrap = (server: object, node?: object) => JSON.stringify({ xds_servers: [server], node });

test('readBootstrap() reads the control plane and who asks', () => {
  const cases = [
    [bootstrap({ server_uri: 'istiod:15010', channel_creds: insecure }), 'xds://istiod:15010', {}],
    [bootstrap({ server_uri: 'dns:///istiod:15010', channel_creds: insecure }), 'xds://istiod:15010', {}],
    [
      bootstrap(
        {
          server_uri: 'istiod:15012',
          channel_creds: [{ type: 'tls', config: { ca_certificate_file: '/ca.pem' } }],
        },
        { id: 'sidecar~10.0.0.1~web.shop~shop', metadata: { NAMESPACE: 'shop', LABELS: { app: 'web' } } },
      ),
      'xds://istiod:15012?tls=true&ca=%2Fca.pem',
      { namespace: 'shop', labels: { app: 'web' } },
    ],
  ] as const;
  for (const [text, url, identity] of cases) assert.deepEqual(readBootstrap(text), { url, identity });
});

test('readBootstrap() refuses what names no control plane, and says why', () => {
  const cases = [
    ['{', /Cannot read gRPC's bootstrap: /],
    ['null', /server_uri is missing/],
    ['{}', /server_uri is missing/],
    [bootstrap({ server_uri: 'unix:///etc/istio/proxy/XDS', channel_creds: insecure }), /is not HOST:PORT/],
    [bootstrap({ server_uri: 'istiod:15012' }), /neither "insecure" nor "tls"/],
  ] as const;
  for (const [text, message] of cases)
    assert.throws(
      () => readBootstrap(text),
      (error) => error instanceof TypeError && message.test(error.message),
      text,
    );
});

test('bootstrapSource() takes the text from the environment, and says what to set without it', async () => {
  const text = bootstrap({ server_uri: 'istiod:15010', channel_creds: insecure });
  assert.equal((await bootstrapSource({}, { GRPC_XDS_BOOTSTRAP_CONFIG: text })).name, 'xds://istiod:15010');
  await assert.rejects(bootstrapSource({}, {}), /set GRPC_XDS_BOOTSTRAP/);
  await assert.rejects(bootstrapSource({}, { GRPC_XDS_BOOTSTRAP: '/nowhere/bootstrap.json' }), /ENOENT/);
});
