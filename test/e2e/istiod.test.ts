/**
 * The tutorial with a real istiod in place of rule files: the gateway takes its rules over xDS, each step holds as
 * soon as istiod knows of it, and calls go on while it is away.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SourceState } from '../../config/source.ts';
import { xdsSource } from '../../config/xds/source.ts';
import { createGateway } from '../../gateway/index.ts';
import { routes as greeterV1 } from '../../services/greeter/v1.ts';
import { routes as greeterV2 } from '../../services/greeter/v2.ts';
import { connectServer } from '../gateway/world.ts';
import { skipWithout } from '../peer/find.ts';
import { startIstiod } from '../peer/istiod.ts';
import { root } from '../program.ts';
import { callers } from './caller.ts';

const HOST = 'dubbo-go-server.default.svc.cluster.local';
const rules = join(root, 'deploy/istio');

function endpointsYaml(v1: number, v2: number): string {
  const endpoint = (version: string, port: number) =>
    `    - { address: 127.0.0.1, ports: { grpc: ${port} }, labels: { dubbogoAppVersion: ${version} } }`;
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: dubbo-go-server, namespace: default }
spec:
  hosts: [${HOST}]
  ports: [{ number: 20000, name: grpc, protocol: GRPC }]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints:
${endpoint('v1', v1)}
${endpoint('v2', v2)}
`;
}

test('the gateway follows a real istiod through the scenarios of the tutorial, and goes on without it', {
  skip: skipWithout('istiod-file'),
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-istiod-'));
  const files = join(folder, 'rules');
  mkdirSync(files);
  const [v1, v2] = await Promise.all([connectServer('http2', greeterV1), connectServer('http2', greeterV2)]);
  /** As kubectl would: istiod over files leaves a resource without a namespace in none. */
  const copy = (from: string, to: string) => {
    const text = readFileSync(join(rules, from), 'utf8');
    writeFileSync(join(files, to), text.replace(/^metadata:$/m, 'metadata:\n  namespace: default'));
  };
  const place = (scenario: string) => copy(`scenarios/${scenario}.yaml`, 'virtualservice.yaml');
  writeFileSync(join(files, 'endpoints.yaml'), endpointsYaml(v1.port, v2.port));
  copy('destinationrule.yaml', 'destinationrule.yaml');
  place('all-v1');
  let istiod = await startIstiod(files, join(folder, 'first'));
  const gateway = createGateway({
    config: xdsSource(`xds://${istiod.address}`, { identity: { namespace: 'default' }, chance: () => 0 }),
    defaultHost: HOST,
  });
  const listening = await gateway.listen({ port: 0 });
  const { call, close } = callers(listening.port);
  const ask = call.http1;
  const state = (): SourceState['state'] | undefined => gateway.config.sources()[0]?.state;
  /** What a number of calls were answered by; none may fail. */
  const split = async (calls: number, headers: Record<string, string> = {}) => {
    const ids = await Promise.all(Array.from({ length: calls }, () => ask(headers)));
    return ids.filter((id) => id === 'v2.0.0').length / calls;
  };
  const until = async (what: () => Promise<boolean> | boolean) => {
    while (!(await what())) await new Promise((done) => setTimeout(done, 20));
  };
  try {
    assert.equal(await split(20), 0);
    assert.equal(await split(20, { user: 'admin' }), 0);

    place('user-admin');
    await until(async () => (await ask({ user: 'admin' })) === 'v2.0.0');
    assert.equal(await split(20, { user: 'admin' }), 1);
    assert.equal(await split(20, { user: 'admin2' }), 0);

    place('canary-90-10');
    await until(async () => (await split(40)) > 0);
    const toV2 = await split(600);
    assert.ok(toV2 > 0.04 && toV2 < 0.18, `${toV2} of the calls went to v2, a tenth should`);

    istiod.kill();
    await until(() => state() === 'disconnected');
    assert.ok((await split(100)) < 0.4);
    place('all-v1');
    const port = Number(istiod.address.split(':')[1]);
    istiod = await startIstiod(files, join(folder, 'second'), { port });
    await until(() => state() === 'connected');
    await until(() =>
      split(100).then(
        (share) => share === 0,
        () => false,
      ),
    );
  } finally {
    close();
    await gateway.stop(0);
    istiod.kill();
    await Promise.all([v1.kill(), v2.kill()]);
    rmSync(folder, { recursive: true });
  }
});
