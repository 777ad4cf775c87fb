import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, validate } from '../../router/index.ts';
import { assumedServices } from '../../workbench/assumed-service.ts';

test('assumedServices() stands in for the hosts of rules that send requests nowhere', () => {
  const spec = "{hosts: [shop.com, '*.org'], http: [{directResponse: {status: 200}}]}";
  const text = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, spec: ${spec}}`;
  const { resources } = validate(parse(text).resources);
  const services = assumedServices(resources, [80]);
  assert.deepEqual(
    services.map(({ host, ports }) => [host, ports.map(({ number }) => number)]),
    [
      ['shop.com', [80]],
      ['assumed.org', [80]],
    ],
  );
});
