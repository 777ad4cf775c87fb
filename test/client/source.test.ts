/** Where a routed transport's rules come from, as its options say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createRoutedTransport,
  createRouting,
  type RoutedTransportOptions,
  textSource,
} from '../../client/index.ts';
import { ControlPlane, setAll } from '../config/xds/control-plane.ts';
import { cluster, endpoints, listener, routes, V1 } from '../config/xds/resources.ts';

const baseUrl = 'http://reviews';

test('createRoutedTransport() takes its rules from the control plane that xds names', async () => {
  const plane = new ControlPlane();
  setAll(plane, {
    cluster: [cluster(V1)],
    endpoints: [endpoints(V1, 1001)],
    listener: [listener(80)],
    routes: [routes(80, 'reviews', V1)],
  });
  const port = await plane.listen();
  try {
    // A URL of gRPC's asks the environment for a control plane only where none is named.
    for (const xds of [`127.0.0.1:${port}`, `xds://127.0.0.1:${port}?mode=sotw`])
      for (const url of [baseUrl, 'xds:///reviews']) {
        const transport = createRoutedTransport({ xds, baseUrl: url });
        try {
          await transport.ready();
          const names = transport.routing.clusters().map(({ name }) => name);
          assert.ok(names.includes(V1), `${xds} ${url}: ${names}`);
        } finally {
          await transport.close();
        }
      }
  } finally {
    await plane.close();
  }
});

test('createRoutedTransport() refuses sources that are none or do not go together', () => {
  const text = textSource('rules.yaml', '');
  const cases: readonly [Partial<RoutedTransportOptions>, RegExp][] = [
    [{ xds: 'a:1', config: 'rules.yaml' }, /config and from xds "a:1": .*; give one of the two$/],
    [{ xds: '' }, /"xds:\/\/": write it as xds:\/\/HOST:PORT/],
    [{ xds: 'a:b' }, /"a:b" is not HOST:PORT/],
    [{ config: ['xds://a:1', 'rules.yaml'] }, /"xds:\/\/a:1" and elsewhere: .*; give it alone$/],
    [{ config: [text, 'xds://a:1'] }, /"xds:\/\/a:1" and elsewhere/],
    [{ config: ['xds://a:1', 'xds://b:1'] }, /"xds:\/\/a:1" and elsewhere/],
  ];
  for (const [options, message] of cases)
    assert.throws(
      () => createRoutedTransport({ baseUrl, ...options }),
      (error) => error instanceof TypeError && message.test(error.message),
      JSON.stringify(options),
    );
  createRouting({ config: ['k8s://', text] });
});
