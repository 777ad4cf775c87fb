/** Make before break: which of what was sent is in effect while the rest is on its way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Any } from '@bufbuild/protobuf/wkt';
import { EffectiveResources, HOLD_MS } from '../../../config/xds/effective.ts';
import { AdsState } from '../../../config/xds/state.ts';
import type { XdsResources } from '../../../router/xds/index.ts';
import { cluster, endpoints, listener, routes, routesByHost, TYPE_URL, V1, V2 } from './resources.ts';

/** `isByName`: clusters are asked for once routes name them, as gRPC's client does. */
function world(isByName = false) {
  const state = new AdsState({ isGrpc: false, keepsBytes: false, now: () => new Date(0) });
  const effective = new EffectiveResources(isByName);
  state.open();
  const send = (typeUrl: string, ...resources: Any[]) =>
    state.take({
      typeUrl,
      nonce: '1',
      versionInfo: '1',
      resources: resources.map((any) => ({ any, version: '1' })),
      removed: [],
      isWhole: true,
    });
  send(TYPE_URL.cluster, cluster(V1));
  send(TYPE_URL.endpoints, endpoints(V1, 1));
  send(TYPE_URL.listener, listener(80));
  send(TYPE_URL.routes, routes(80, 'reviews', V1));
  const at = (nowMs: number) => {
    const { routes: inEffect, clusters } = effective.next(state.resources, nowMs);
    const action = inEffect.get('80')?.virtualHosts[0]?.routes[0]?.action;
    const to = action?.kind === 'forward' ? action.destinations[0]?.cluster : undefined;
    return { to, clusters: [...clusters.keys()].sort() };
  };
  at(0);
  return { state, send, at, effective, isWhole: () => effective.isWhole(state.resources) };
}

test('EffectiveResources lets routes wait for a cluster that is asked for by name', () => {
  const { send, at, effective } = world(true);
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  assert.equal(at(10).to, V1);
  assert.equal(effective.waitMs(110), HOLD_MS - 100);
  send(TYPE_URL.cluster, cluster(V1), cluster(V2));
  assert.equal(at(20).to, V1, 'its endpoints are not there yet');
  send(TYPE_URL.endpoints, endpoints(V2, 2));
  assert.deepEqual(at(30), { to: V2, clusters: [V1, V2] });
  assert.equal(effective.waitMs(30), undefined);
});

test('EffectiveResources lets routes lead to a cluster that is not among all there are, as Envoy does', () => {
  const { send, at, effective } = world();
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  assert.deepEqual(at(10), { to: V2, clusters: [V1] });
  assert.equal(effective.waitMs(10), undefined);
  assert.equal(effective.lacking?.cluster, V2);
  // Nor does one that is gone stay for routes that came after it went.
  send(TYPE_URL.cluster, cluster(V2));
  send(TYPE_URL.endpoints, endpoints(V2, 2));
  assert.deepEqual(at(20), { to: V2, clusters: [V2] });
  send(TYPE_URL.routes, routes(80, 'reviews', V1));
  assert.deepEqual(at(30), { to: V1, clusters: [V2] });
});

test('EffectiveResources lets routes wait for the endpoints of a cluster', () => {
  const { send, at } = world();
  send(TYPE_URL.cluster, cluster(V1), cluster(V2));
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  assert.equal(at(10).to, V1);
  send(TYPE_URL.endpoints, endpoints(V2, 2));
  assert.equal(at(20).to, V2);
});

test('EffectiveResources takes for whole what leads nowhere that is not there', () => {
  const { send, isWhole } = world(true);
  assert.equal(isWhole(), true);
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  assert.equal(isWhole(), false);
  send(TYPE_URL.cluster, cluster(V1), cluster(V2));
  assert.equal(isWhole(), false, 'its endpoints are not there yet');
  send(TYPE_URL.endpoints, endpoints(V2, 2));
  assert.equal(isWhole(), true);
});

test('EffectiveResources lets routes wait for a while only', () => {
  const { send, at } = world(true);
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  assert.equal(at(10).to, V1);
  assert.equal(at(10 + HOLD_MS - 1).to, V1);
  assert.equal(at(10 + HOLD_MS).to, V2);
});

test('EffectiveResources lets other virtual hosts not wait, and says who does', () => {
  const { send, state, effective } = world(true);
  const to = (name: string) => (inEffect: XdsResources) => {
    const host = inEffect.routes.get('80')?.virtualHosts.find(({ domains }) => domains.includes(name));
    const action = host?.routes[0]?.action;
    return action?.kind === 'forward' ? action.destinations[0]?.cluster : undefined;
  };
  const both = (reviews: string, ratings: string) =>
    send(TYPE_URL.routes, routesByHost(80, { reviews, ratings }));
  both(V1, V1);
  effective.next(state.resources, 0);
  assert.equal(effective.lacking, undefined);
  send(TYPE_URL.cluster, cluster(V1), cluster('outbound|80||there'));
  send(TYPE_URL.endpoints, endpoints('outbound|80||there', 3));
  both(V2, 'outbound|80||there');
  const inEffect = effective.next(state.resources, 10);
  assert.equal(to('reviews')(inEffect), V1);
  assert.equal(to('ratings')(inEffect), 'outbound|80||there');
  assert.deepEqual(effective.lacking, { virtualHost: 'reviews:80', cluster: V2, sinceMs: 10, more: 0 });
  assert.equal(to('reviews')(effective.next(state.resources, 10 + HOLD_MS)), V2);
  const lacking = () => effective.lacking;
  assert.equal(lacking()?.sinceMs, 10, 'it still is not there');
  send(TYPE_URL.cluster, cluster(V1), cluster(V2), cluster('outbound|80||there'));
  send(TYPE_URL.endpoints, endpoints(V2, 2));
  effective.next(state.resources, 20 + HOLD_MS);
  assert.equal(lacking(), undefined);
});

test('EffectiveResources does not wait again for what routes have missed before', () => {
  const { send, at } = world(true);
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  at(0);
  at(HOLD_MS);
  send(TYPE_URL.routes, routes(80, 'reviews-too', V2));
  assert.equal(at(HOLD_MS + 1).to, V2);
});

test('EffectiveResources keeps a cluster that is gone while routes lead to it, and for a while only', () => {
  const { send, at, effective } = world();
  send(TYPE_URL.cluster, cluster(V2));
  send(TYPE_URL.endpoints, endpoints(V2, 2));
  assert.deepEqual(at(10), { to: V1, clusters: [V1, V2] });
  assert.equal(effective.waitMs(10), HOLD_MS);
  send(TYPE_URL.routes, routes(80, 'reviews', V2));
  assert.deepEqual(at(20), { to: V2, clusters: [V2] });
  send(TYPE_URL.cluster, cluster(V1));
  assert.deepEqual(at(30).clusters, [V1, V2]);
  assert.deepEqual(at(30 + HOLD_MS).clusters, [V1]);
  assert.equal(effective.waitMs(30 + HOLD_MS), undefined);
});
