/** RouteConfigurations from their bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { VirtualHostSchema } from '../../../gen/envoy/config/route/v3/route_components_pb.ts';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts';
import { createRoutesReader, readRouteConfiguration, XdsRefusal } from '../../../router/xds/index.ts';

function virtualHost(name: string, cluster: string): MessageInitShape<typeof VirtualHostSchema> {
  return {
    name,
    domains: [name],
    routes: [
      {
        match: { pathSpecifier: { case: 'prefix', value: '/' } },
        action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } },
      },
    ],
  };
}

function bytesOf(...virtualHosts: MessageInitShape<typeof VirtualHostSchema>[]): Uint8Array {
  return toBinary(RouteConfigurationSchema, configurationOf(virtualHosts));
}

function configurationOf(virtualHosts: MessageInitShape<typeof VirtualHostSchema>[]) {
  return create(RouteConfigurationSchema, { name: '80', virtualHosts, ignorePortInHostMatching: true });
}

test('createRoutesReader() reads what the message says', () => {
  const hosts = [virtualHost('a', 'one'), virtualHost('b', 'two')];
  const { name, read } = createRoutesReader().parse(bytesOf(...hosts));
  assert.equal(name, '80');
  assert.deepEqual(read(), readRouteConfiguration(configurationOf(hosts)));
});

test('createRoutesReader() gives virtual hosts that have not changed as the same objects', () => {
  const { parse } = createRoutesReader();
  const before = parse(bytesOf(virtualHost('a', 'one'), virtualHost('b', 'two'))).read();
  const after = parse(bytesOf(virtualHost('b', 'two'), virtualHost('a', 'other'))).read();
  assert.equal(after.virtualHosts[0], before.virtualHosts[1]);
  assert.deepEqual(
    after,
    readRouteConfiguration(configurationOf([virtualHost('b', 'two'), virtualHost('a', 'other')])),
  );
});

test('createRoutesReader() remembers nothing of a version that is refused', () => {
  const { parse } = createRoutesReader();
  const before = parse(bytesOf(virtualHost('a', 'one'))).read();
  const bad = { name: 'b', domains: ['b'], routes: [{ match: {} }] };
  assert.throws(
    () => parse(bytesOf(virtualHost('a', 'two'), bad)).read(),
    new XdsRefusal('virtual_hosts[1].routes[0].match: it says nothing of the path that is understood'),
  );
  assert.equal(parse(bytesOf(virtualHost('a', 'one'))).read().virtualHosts[0], before.virtualHosts[0]);
});

test('createRoutesReader() remembers nothing of a configuration that is forgotten', () => {
  const { parse, forget } = createRoutesReader();
  const before = parse(bytesOf(virtualHost('a', 'one'))).read();
  forget('80');
  assert.notEqual(parse(bytesOf(virtualHost('a', 'one'))).read().virtualHosts[0], before.virtualHosts[0]);
});
