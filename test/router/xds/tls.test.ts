/** What of a control plane's certificates for a cluster is checked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import {
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { readCluster, XdsRefusal } from '../../../router/xds/index.ts';

type Validation = NonNullable<MessageInitShape<typeof CommonTlsContextSchema>['validationContextType']>;

function tlsOf(validationContextType: Validation | undefined) {
  const context = create(UpstreamTlsContextSchema, {
    commonTlsContext: { ...(validationContextType && { validationContextType }) },
  });
  const cluster = create(ClusterSchema, {
    name: 'outbound|443||reviews.default.svc.cluster.local',
    transportSocket: {
      name: 'envoy.transport_sockets.tls',
      configType: { case: 'typedConfig', value: anyPack(UpstreamTlsContextSchema, context) },
    },
  });
  return readCluster(cluster)?.cluster.policy.tls;
}

const names = (pattern: 'exact' | 'suffix') => ({
  matchSubjectAltNames: [{ matchPattern: { case: pattern, value: 'reviews.example' } as const }],
});
const combined = (sds: string, defaults: ReturnType<typeof names> | undefined): Validation => ({
  case: 'combinedValidationContext',
  value: {
    ...(defaults && { defaultValidationContext: defaults }),
    validationContextSdsSecretConfig: { name: sds },
  },
});

for (const { name, validation, want } of [
  {
    name: 'an authority in a file, and names',
    validation: combined('file-root:/etc/ca.pem', names('exact')),
    want: { caCertificates: '/etc/ca.pem', subjectAltNames: ['reviews.example'], insecureSkipVerify: false },
  },
  {
    // As Istio sends `mode: SIMPLE` with `subjectAltNames` and no `caCertificates`.
    name: 'whom the system trusts, and names',
    validation: combined('file-root:system', names('exact')),
    want: { subjectAltNames: ['reviews.example'], insecureSkipVerify: false },
  },
  {
    name: 'whom the system trusts, whatever the name',
    validation: combined('file-root:system', undefined),
    want: { subjectAltNames: [], insecureSkipVerify: false },
  },
  { name: 'nothing', validation: undefined, want: { subjectAltNames: [], insecureSkipVerify: true } },
] as const)
  test(`readCluster() has certificates checked against ${name}`, () => {
    assert.deepEqual(tlsOf(validation), { mode: 'SIMPLE', ...want });
  });

test('readCluster() refuses names of certificates that it cannot compare, in place of taking any', () => {
  assert.throws(
    () => tlsOf(combined('file-root:system', names('suffix'))),
    new XdsRefusal(
      'transport_socket: the names of certificates are compared in a way that is not understood',
    ),
  );
});
