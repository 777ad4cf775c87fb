/**
 * From a change of a rule to the first call that follows it, with real peers: a file that is saved below an istiod
 * (`xds://`), what `kubectl apply` sends to an API server (`k8s://`), and the same with the released istiod over it
 * (`xds://`). A gateway is called over a socket without a pause; the peers share the machine with it.
 *
 *     test/peer/install.sh istiod-file istiod kube-apiserver etcd kubectl
 *     bun bench/config/apply.ts [--times 100]
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readAccess } from '../../config/kubernetes/access.ts';
import { createApi } from '../../config/kubernetes/api.ts';
import { kubernetesSource } from '../../config/kubernetes/source.ts';
import type { ConfigSource } from '../../config/source.ts';
import { xdsSource } from '../../config/xds/source.ts';
import { createGateway } from '../../gateway/index.ts';
import { startIstiod, startIstiodOverKubernetes } from '../../test/peer/istiod.ts';
import { startKubeApiserver } from '../../test/peer/kube-apiserver.ts';
import { formatTable, median, runtimeName } from '../router/measure.ts';

const { values } = parseArgs({ options: { times: { type: 'string', default: '100' } } });
const times = Number(values.times);
const folder = mkdtempSync(join(tmpdir(), 'pointsman-bench-'));
const HOST = 'follow.example';
const apiVersion = 'networking.istio.io/v1';
const metadata = { name: 'follow', namespace: 'default' };
const entry = {
  ...{ apiVersion, kind: 'ServiceEntry', metadata },
  spec: {
    ...{ hosts: [HOST], resolution: 'STATIC', location: 'MESH_INTERNAL' },
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address: '10.0.0.1' }],
  },
};
const rule = (version: number) => ({
  ...{ apiVersion, kind: 'VirtualService', metadata },
  spec: { hosts: [HOST], http: [{ directResponse: { status: 200, body: { string: `${version}` } } }] },
});

async function measure(
  name: string,
  config: ConfigSource,
  save: (version: number) => Promise<void> | void,
): Promise<string[]> {
  const gateway = createGateway({ config, proxy: { namespace: 'default' }, defaultHost: HOST });
  const { port } = await gateway.listen({ port: 0, servicePort: 80 });
  const took: number[] = [];
  for (let version = 1; version <= times; version++) {
    // Changes are not to fall into step with what anybody gathers.
    await new Promise((done) => setTimeout(done, 300 + 200 * Math.random()));
    const startedMs = performance.now();
    const saved = save(version);
    while ((await (await fetch(`http://127.0.0.1:${port}/`)).text()) !== `${version}`);
    took.push(performance.now() - startedMs);
    await saved;
  }
  await gateway.stop(0);
  took.sort((a, b) => a - b);
  const at = (share: number) => took[Math.min(took.length - 1, Math.ceil(took.length * share) - 1)]!;
  return [name, ...[median(took), at(0.9), at(0.99), at(1)].map((ms) => `${ms.toFixed(0)} ms`)];
}

const rows: string[][] = [];
{
  const files = join(folder, 'rules');
  mkdirSync(files);
  const save = (version: number) => {
    const text = [entry, rule(version)].map((each) => JSON.stringify(each)).join('\n---\n');
    writeFileSync(join(folder, 'rule.part'), text);
    renameSync(join(folder, 'rule.part'), join(files, 'rule.yaml'));
  };
  save(0);
  const istiod = await startIstiod(files, join(folder, 'istiod'));
  rows.push(await measure('a file saved, istiod, `xds://`', xdsSource(`xds://${istiod.address}`), save));
  istiod.kill();
}
{
  const { kubeconfig, kubectl, kill } = await startKubeApiserver(join(folder, 'kubernetes'));
  const file = join(folder, 'objects.yaml');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [entry, rule(0)] }));
  await kubectl('apply', '-f', file);
  const api = createApi(await readAccess(kubeconfig));
  const path = `/apis/${apiVersion}/namespaces/default/virtualservices/follow`;
  const { signal } = new AbortController();
  const save = (version: number) => api.patch(path, { spec: rule(version).spec }, signal);
  rows.push(await measure('a PATCH, API server, `k8s://`', kubernetesSource('k8s://', { kubeconfig }), save));
  // Where istiod keeps its own secret.
  await kubectl('create', 'namespace', 'istio-system');
  const istiod = await startIstiodOverKubernetes(kubeconfig, join(folder, 'released'));
  const source = xdsSource(`xds://${istiod.address}`);
  rows.push(await measure('a PATCH, API server, istiod, `xds://`', source, save));
  istiod.kill();
  kill();
}
rmSync(folder, { recursive: true });
console.log(`${runtimeName()}, ${times} changes each\n`);
console.log(formatTable(['change', 'median', 'p90', 'p99', 'most'], rows));
process.exit();
