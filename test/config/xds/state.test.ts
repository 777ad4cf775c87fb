/** The client's side of the discovery protocol, without a stream. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Any, anyPack } from '@bufbuild/protobuf/wkt';
import { deltaRequest, deltaResponse, stateRequest } from '../../../config/xds/message.ts';
import { AdsState, type XdsRequest } from '../../../config/xds/state.ts';
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts';
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts';
import { UpstreamTlsContextSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts';
import { DeltaDiscoveryResponseSchema } from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts';
import {
  badCluster,
  badRoutes,
  cluster,
  endpoints,
  listener,
  routes,
  routesByHost,
  TYPE_URL,
  V1,
  V2,
} from './resources.ts';

const NOW = '2026-11-25T00:00:00.000Z';

function newState(isGrpc = false): AdsState {
  return new AdsState({ isGrpc, keepsBytes: false, now: () => new Date(NOW) });
}

let nonces = 0;

function answer(
  state: AdsState,
  typeUrl: string,
  resources: readonly Any[],
  isWhole = true,
  removed: string[] = [],
) {
  const nonce = `n${++nonces}`;
  const { requests, isChanged } = state.take({
    typeUrl,
    nonce,
    versionInfo: `v${nonces}`,
    resources: resources.map((any) => ({ any, version: `v${nonces}` })),
    removed,
    isWhole,
  });
  return { requests, isChanged, nonce };
}

function brief({ typeUrl, names, subscribe, unsubscribe, isAnswer, refusal }: XdsRequest) {
  const kind = Object.entries(TYPE_URL).find(([, url]) => url === typeUrl)?.[0];
  return {
    kind,
    names: [...names],
    ...(subscribe.length > 0 && { subscribe }),
    ...(unsubscribe.length > 0 && { unsubscribe }),
    ...(isAnswer && { isAnswer }),
    ...(refusal !== undefined && { refusal }),
  };
}

test('AdsState asks for the secrets that clusters name, and gives none away to a cache', () => {
  const state = new AdsState({ isGrpc: false, keepsBytes: true, now: () => new Date(NOW) });
  state.open();
  const withSecrets = create(ClusterSchema, {
    name: V1,
    transportSocket: {
      name: 'envoy.transport_sockets.tls',
      configType: {
        case: 'typedConfig',
        value: anyPack(
          UpstreamTlsContextSchema,
          create(UpstreamTlsContextSchema, {
            commonTlsContext: {
              tlsCertificateSdsSecretConfigs: [{ name: 'kubernetes://own' }],
              validationContextType: {
                case: 'validationContextSdsSecretConfig',
                value: { name: 'kubernetes://own-cacert' },
              },
            },
          }),
        ),
      },
    },
  });
  const SECRET = `type.googleapis.com/${SecretSchema.typeName}`;
  const { requests } = answer(state, TYPE_URL.cluster, [anyPack(ClusterSchema, withSecrets)]);
  const names = ['kubernetes://own', 'kubernetes://own-cacert'];
  assert.deepEqual(
    requests.filter(({ typeUrl }) => typeUrl === SECRET).map(({ subscribe }) => subscribe),
    [names],
  );
  const inline = (text: string) => ({
    specifier: { case: 'inlineBytes', value: Buffer.from(text) } as const,
  });
  const secret = (name: string, type: MessageInitShape<typeof SecretSchema>['type']) =>
    anyPack(SecretSchema, create(SecretSchema, { name, ...(type && { type }) }));
  const chain = { certificateChain: inline('chain'), privateKey: inline('own key') };
  const own = secret('kubernetes://own', { case: 'tlsCertificate', value: chain });
  const root = secret('kubernetes://own-cacert', {
    case: 'validationContext',
    value: { trustedCa: inline('root') },
  });
  answer(state, SECRET, [own, root], false);
  assert.deepEqual(state.secrets.get('kubernetes://own'), {
    certificateChain: 'chain',
    privateKey: 'own key',
  });
  assert.deepEqual(state.secrets.get('kubernetes://own-cacert'), { rootCertificates: 'root' });
  assert.ok(!state.sent.has(SECRET));
  answer(state, SECRET, [], false, ['kubernetes://own']);
  assert.equal(state.secrets.get('kubernetes://own'), undefined);
  const elsewhere = secret('kubernetes://own', { case: 'tlsCertificate', value: {} });
  assert.deepEqual(
    answer(state, SECRET, [elsewhere], false).requests[0]?.refusal,
    'Secret "kubernetes://own": a part of it is not sent with it',
  );
});

test('AdsState asks for all clusters and listeners, then for the endpoints and routes that they name', () => {
  const state = newState();
  assert.deepEqual(state.open().map(brief), [
    { kind: 'cluster', names: [] },
    { kind: 'listener', names: [] },
  ]);
  assert.deepEqual(answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]).requests.map(brief), [
    { kind: 'cluster', names: [], isAnswer: true },
    { kind: 'endpoints', names: [V1, V2], subscribe: [V1, V2] },
  ]);
  assert.deepEqual(answer(state, TYPE_URL.listener, [listener(80)]).requests.map(brief), [
    { kind: 'listener', names: [], isAnswer: true },
    { kind: 'routes', names: ['80'], subscribe: ['80'] },
  ]);
  assert.equal(state.isComplete, false);
  answer(state, TYPE_URL.endpoints, [endpoints(V1, 1), endpoints(V2, 2)]);
  answer(state, TYPE_URL.routes, [routes(80, 'reviews', V1)]);
  assert.equal(state.isComplete, true);
});

test('AdsState asks, as a gRPC client, for the clusters that routes name', () => {
  const state = newState(true);
  assert.deepEqual(state.open().map(brief), [{ kind: 'listener', names: [] }]);
  answer(state, TYPE_URL.listener, [listener(80)]);
  const { requests } = answer(state, TYPE_URL.routes, [routes(80, 'reviews', V1)]);
  assert.deepEqual(requests.map(brief), [
    { kind: 'routes', names: ['80'], isAnswer: true },
    { kind: 'cluster', names: [V1], subscribe: [V1] },
  ]);
});

test('AdsState forgets, as a gRPC client, a cluster that a whole answer does not name', () => {
  const state = newState(true);
  state.open();
  answer(state, TYPE_URL.listener, [listener(80)]);
  answer(state, TYPE_URL.routes, [routesByHost(80, { one: V1, two: V2 })]);
  answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]);
  answer(state, TYPE_URL.cluster, [cluster(V2)]);
  assert.deepEqual([...state.resources.clusters.keys()], [V2]);
});

/** Everything for one service, on its first version. */
function settled(): AdsState {
  const state = newState();
  state.open();
  answer(state, TYPE_URL.cluster, [cluster(V1)]);
  answer(state, TYPE_URL.endpoints, [endpoints(V1, 1)]);
  answer(state, TYPE_URL.listener, [listener(80)]);
  answer(state, TYPE_URL.routes, [routes(80, 'reviews', V1)]);
  return state;
}

test('AdsState refuses what is not understood, keeps the version before, and takes the rest of the answer', () => {
  const state = settled();
  const before = state.resources.clusters.get(V1);
  const bad = answer(state, TYPE_URL.cluster, [badCluster(V1), cluster(V2)]);
  const refusal = `Cluster "${V1}": lb_policy: 7 is not understood`;
  assert.deepEqual(bad.requests.map(brief), [
    { kind: 'cluster', names: [], isAnswer: true, refusal },
    { kind: 'endpoints', names: [V1, V2], subscribe: [V2] },
  ]);
  assert.equal(state.resources.clusters.get(V1), before);
  assert.ok(state.resources.clusters.has(V2));
  const [refused] = state.refused;
  assert.deepEqual(refused, {
    kind: 'Cluster',
    name: V1,
    reason: 'lb_policy: 7 is not understood',
    since: NOW,
  });
  answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]);
  assert.deepEqual(state.refused, []);
});

test('AdsState has changed when all of an answer is refused, as there is more to tell', () => {
  const state = settled();
  assert.equal(answer(state, TYPE_URL.cluster, [badCluster(V1)], false).isChanged, true);
});

test('AdsState waits no longer for what it has given up, until it is asked for again', () => {
  const state = settled();
  answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]);
  assert.equal(state.isComplete, false);
  state.giveUp();
  assert.equal(state.isComplete, true);
  answer(state, TYPE_URL.cluster, [cluster(V1)]);
  answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]);
  assert.equal(state.isComplete, false);
  answer(state, TYPE_URL.endpoints, [endpoints(V2, 2)], false);
  assert.equal(state.isComplete, true);
});

test('AdsState refuses bytes that are no message at all', () => {
  const state = settled();
  const garbage = { ...routes(80, 'reviews', V1), value: new Uint8Array([0xff, 0xff]) } as Any;
  const { requests } = answer(state, TYPE_URL.routes, [garbage]);
  assert.match(requests[0]!.refusal ?? '', /^RouteConfiguration "": /);
  assert.equal(state.resources.routes.size, 1);
});

test('AdsState knows bytes that are no message by the name they are sent as, until that is good or gone', () => {
  const state = settled();
  const send = (message: MessageInitShape<typeof DeltaDiscoveryResponseSchema>) =>
    state.take(
      deltaResponse(
        create(DeltaDiscoveryResponseSchema, { typeUrl: TYPE_URL.routes, nonce: 'n', ...message }),
      ),
    );
  const good = routes(80, 'reviews', V2);
  const garbage = { ...good, value: new Uint8Array([0xff, 0xff]) };
  const refused = () => state.refused.map(({ name }) => name);
  const { requests } = send({ resources: [{ name: '80', version: '2', resource: garbage }] });
  assert.match(requests[0]!.refusal ?? '', /^RouteConfiguration "80": /);
  assert.deepEqual(refused(), ['80']);
  send({ resources: [{ name: '80', version: '3', resource: good }] });
  assert.deepEqual(refused(), []);
  send({ resources: [{ name: '81', version: '4', resource: garbage }] });
  assert.deepEqual(refused(), ['81']);
  send({ removedResources: ['81'] });
  assert.deepEqual(refused(), []);
});

test('AdsState says of a refused answer its nonce, the version before, and the reason', () => {
  const state = settled();
  const good = answer(state, TYPE_URL.routes, [routes(80, 'reviews', V2)]);
  const versionInfo = good.requests[0]!.versionInfo;
  const { requests, nonce } = answer(state, TYPE_URL.routes, [badRoutes(80)]);
  const whole = stateRequest(requests[0]!, undefined);
  assert.equal(whole.responseNonce, nonce);
  assert.equal(whole.versionInfo, versionInfo);
  assert.deepEqual(whole.resourceNames, ['80']);
  assert.equal(whole.errorDetail?.code, 3);
  assert.match(whole.errorDetail?.message ?? '', /virtual_hosts\[0\]\.routes\[0\]\.match: it says nothing/);
  const delta = deltaRequest(requests[0]!, undefined);
  assert.equal(delta.responseNonce, nonce);
  assert.deepEqual([delta.resourceNamesSubscribe, delta.errorDetail?.code], [[], 3]);
});

test('AdsState forgets clusters that a whole answer does not name, and lets go of their endpoints', () => {
  const state = settled();
  answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]);
  const { requests } = answer(state, TYPE_URL.cluster, [cluster(V2)]);
  assert.deepEqual(requests.map(brief)[1], { kind: 'endpoints', names: [V2], unsubscribe: [V1] });
  assert.deepEqual([...state.resources.clusters.keys()], [V2]);
  assert.equal(state.resources.endpoints.has(V1), false);
});

test('AdsState keeps endpoints that a whole answer does not name: others of them have changed', () => {
  const state = settled();
  answer(state, TYPE_URL.cluster, [cluster(V1), cluster(V2)]);
  answer(state, TYPE_URL.endpoints, [endpoints(V2, 2)]);
  assert.deepEqual([...state.resources.endpoints.keys()].sort(), [V1, V2]);
});

test('AdsState takes changes: what is not named stays, what is removed goes', () => {
  const state = settled();
  assert.equal(answer(state, TYPE_URL.cluster, [cluster(V2)], false).isChanged, true);
  assert.deepEqual([...state.resources.clusters.keys()], [V1, V2]);
  answer(state, TYPE_URL.cluster, [], false, [V1]);
  assert.deepEqual([...state.resources.clusters.keys()], [V2]);
  assert.equal(answer(state, TYPE_URL.cluster, [], false, [V1]).isChanged, false);
});

test('AdsState goes on, on a new stream, with what it knows', () => {
  const state = settled();
  const requests = state.open();
  assert.deepEqual(requests.map(brief), [
    { kind: 'cluster', names: [] },
    { kind: 'endpoints', names: [V1], subscribe: [V1] },
    { kind: 'listener', names: [] },
    { kind: 'routes', names: ['80'], subscribe: ['80'] },
  ]);
  assert.ok(requests.every(({ nonce }) => nonce === ''));
  const { initialResourceVersions } = deltaRequest(requests[0]!, undefined);
  assert.deepEqual(Object.keys(initialResourceVersions), [V1]);
  assert.equal(state.isComplete, true);
});
