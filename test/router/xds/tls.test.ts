/** What of a control plane's certificates for a cluster is checked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts';
import {
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { readCluster, readLoadAssignment, XdsRefusal } from '../../../router/xds/index.ts';

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

const inMesh = (root: string) =>
  create(UpstreamTlsContextSchema, {
    sni: 'outbound_.80_._.reviews.default.svc.cluster.local',
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [{ name: 'default' }],
      validationContextType: combined(root, names('exact')),
    },
  });
const socketOf = (context: ReturnType<typeof inMesh>) => ({
  name: 'envoy.transport_sockets.tls',
  configType: { case: 'typedConfig', value: anyPack(UpstreamTlsContextSchema, context) } as const,
});
const ISTIO_MUTUAL = {
  mode: 'ISTIO_MUTUAL',
  sni: 'outbound_.80_._.reviews.default.svc.cluster.local',
  subjectAltNames: ['reviews.example'],
  insecureSkipVerify: false,
};

test("readCluster() has the mesh's own certificates shown and asked for where a socket names them", () => {
  const cluster = { name: 'outbound|80||reviews.default.svc.cluster.local' };
  const tlsOfSocket = (init: MessageInitShape<typeof ClusterSchema>) =>
    readCluster(create(ClusterSchema, { ...cluster, ...init }))?.cluster.policy.tls;
  assert.deepEqual(tlsOfSocket({ transportSocket: socketOf(inMesh('ROOTCA')) }), ISTIO_MUTUAL);
  const transportSocketMatches = [
    { name: 'tlsMode-istio', transportSocket: socketOf(inMesh('ROOTCA')) },
    { name: 'tlsMode-disabled', transportSocket: { name: 'envoy.transport_sockets.raw_buffer' } },
  ];
  assert.deepEqual(tlsOfSocket({ transportSocketMatches }), { ...ISTIO_MUTUAL, isAutomatic: true });
  assert.throws(
    () => tlsOfSocket({ transportSocket: socketOf(inMesh('kubernetes://other')) }),
    /transport_socket: it asks for the certificates "kubernetes:\/\/other", which nobody hands out here/,
  );
});

test('readLoadAssignment() tells which endpoints take mutual TLS', () => {
  const endpoint = (tlsMode: string) => ({
    metadata: { filterMetadata: { 'envoy.transport_socket_match': { tlsMode } } },
    hostIdentifier: {
      case: 'endpoint',
      value: { address: { address: { case: 'pipe', value: { path: `/${tlsMode}` } } } },
    } as const,
  });
  const { endpoints } = readLoadAssignment(
    create(ClusterLoadAssignmentSchema, {
      endpoints: [{ lbEndpoints: [endpoint('istio'), endpoint('disabled')] }],
    }),
  );
  assert.deepEqual(
    endpoints.map(({ id, tlsMode }) => [id, tlsMode]),
    [
      ['/istio', 'istio'],
      ['/disabled', undefined],
    ],
  );
});

test('readCluster() refuses names of certificates that it cannot compare, in place of taking any', () => {
  assert.throws(
    () => tlsOf(combined('file-root:system', names('suffix'))),
    new XdsRefusal(
      'transport_socket: the names of certificates are compared in a way that is not understood',
    ),
  );
});
