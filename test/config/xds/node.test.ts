/** How the client names itself to a control plane. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeOf } from '../../../config/xds/node.ts';

const POD = {
  POD_NAME: 'web-1',
  POD_NAMESPACE: 'shop',
  INSTANCE_IP: '10.1.0.7',
  ISTIO_META_CLUSTER_ID: 'east',
};

test('nodeOf() names a pod as its sidecar would', () => {
  const { id, cluster, metadata } = nodeOf({ labels: { app: 'web' } }, false, POD);
  assert.equal(id, 'sidecar~10.1.0.7~web-1.shop~shop.svc.cluster.local');
  assert.equal(cluster, 'web.shop');
  assert.deepEqual(metadata, {
    NAMESPACE: 'shop',
    ISTIO_VERSION: '1.31.0',
    CLUSTER_ID: 'east',
    INSTANCE_IPS: '10.1.0.7',
    LABELS: { app: 'web' },
  });
});

test('nodeOf() is a router where it stands at the edge, and says that it is a gRPC client', () => {
  const { id, metadata } = nodeOf({ type: 'router', namespace: 'edge' }, true, POD);
  assert.equal(id, 'router~10.1.0.7~web-1.edge~edge.svc.cluster.local');
  assert.equal(metadata?.['GENERATOR'], 'grpc');
});

test('nodeOf() finds a name and an address of its own where nothing is told', () => {
  const { id, metadata } = nodeOf({}, false, {});
  assert.match(id ?? '', /^sidecar~[0-9.]+~[^~]+\.default~default\.svc\.cluster\.local$/);
  assert.equal(metadata?.['CLUSTER_ID'], 'Kubernetes');
});
