/** What of a control plane's resources is refused, and what is said of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  RouteMatchSchema,
  type RouteSchema,
  VirtualHostSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts';
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts';
import { readRouteConfiguration, XdsRefusal } from '../../../router/xds/index.ts';

const toReviews = {
  case: 'route',
  value: { clusterSpecifier: { case: 'cluster', value: 'reviews' } },
} as const;

function configurationOf(route: MessageInitShape<typeof RouteSchema>) {
  const virtualHosts = [
    create(VirtualHostSchema, { name: 'reviews:80', domains: ['reviews'], routes: [route] }),
  ];
  return create(RouteConfigurationSchema, { name: '80', virtualHosts });
}

const refused: readonly {
  readonly name: string;
  readonly route: MessageInitShape<typeof RouteSchema>;
  readonly reason: string;
}[] = [
  {
    name: 'a route without a match',
    route: { action: toReviews },
    reason: 'virtual_hosts[0].routes[0].match: it is missing',
  },
  {
    name: 'a match that says nothing of the path',
    route: { match: {}, action: toReviews },
    reason: 'virtual_hosts[0].routes[0].match: it says nothing of the path that is understood',
  },
  {
    name: 'a regex that is not RE2',
    route: {
      match: { pathSpecifier: { case: 'safeRegex', value: { regex: '/(?!admin).*' } } },
      action: toReviews,
    },
    reason: 'virtual_hosts[0].routes[0].match: "/(?!admin).*" is not a regex that RE2 takes',
  },
  {
    name: 'a route without an action',
    route: { match: { pathSpecifier: { case: 'prefix', value: '/' } } },
    reason: 'virtual_hosts[0].routes[0]: its action is not understood',
  },
  {
    name: 'an action without a cluster',
    route: {
      match: { pathSpecifier: { case: 'prefix', value: '/' } },
      action: { case: 'route', value: {} },
    },
    reason: 'virtual_hosts[0].routes[0].route: it names its cluster in a way that is not understood',
  },
];

for (const { name, route, reason } of refused)
  test(`readRouteConfiguration() refuses ${name}, and says where it is`, () => {
    assert.throws(() => readRouteConfiguration(configurationOf(route)), new XdsRefusal(reason));
  });

test('readRouteConfiguration() refuses a condition that is not read here, as without it other requests would match', () => {
  const prefix = toBinary(
    RouteMatchSchema,
    create(RouteMatchSchema, { pathSpecifier: { case: 'prefix', value: '/' } }),
  );
  // RouteMatch.grpc: only gRPC requests.
  const grpc = new BinaryWriter().tag(8, WireType.LengthDelimited).bytes(new Uint8Array()).finish();
  const match = fromBinary(RouteMatchSchema, new Uint8Array([...prefix, ...grpc]));
  assert.throws(
    () => readRouteConfiguration(configurationOf({ match, action: toReviews })),
    new XdsRefusal('virtual_hosts[0].routes[0].match: field 8 is not understood'),
  );
});
