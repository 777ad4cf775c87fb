/** An Istio mesh for tests: an API server, the released istiod over it with its certificate authority, and service accounts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { skipWithout } from '../peer/find.ts';
import { startIstiodOverKubernetes } from '../peer/istiod.ts';
import { startKubeApiserver } from '../peer/kube-apiserver.ts';

/** The reason to skip what needs a mesh, or false. */
export const skipWithoutMesh: string | false =
  ['istiod', 'kube-apiserver', 'kubectl', 'etcd'].map(skipWithout).find((reason) => reason !== false) ??
  false;

/** One that runs. */
export interface Mesh {
  /** For files of the test. */
  readonly folder: string;
  readonly kubeconfig: string;
  /** Standard output of kubectl, which must succeed. */
  kubectl(...args: string[]): Promise<string>;
  /** File with the mesh's root certificate, as istiod publishes it. */
  readonly rootFile: string;
  /** Plaintext xDS. */
  readonly address: string;
  /** Makes a service account in `default`, and a file with a token of it. Default audience: Istio's. */
  tokenOf(serviceAccount: string, audience?: string): Promise<string>;
  /** `xds://…` over TLS with a token's file. */
  urlOf(tokenFile: string): string;
  kill(): void;
}

/**
 * Starts all of it, with resources that istiod knows from the start. `meshConfig` as istiod reads it; default: no automatic mutual
 * TLS.
 */
export async function startMesh(resources: string, meshConfig?: object): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-mesh-'));
  const { kubeconfig, kubectl, kill } = await startKubeApiserver(folder);
  const endings = [kill];
  const end = () => {
    for (const each of endings.splice(0).reverse()) each();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const yaml = join(folder, 'resources.yaml');
    writeFileSync(yaml, resources);
    await kubectl('apply', '-f', yaml);
    await kubectl('create', 'namespace', 'istio-system');
    const istiod = await startIstiodOverKubernetes(kubeconfig, join(folder, 'istiod'), meshConfig);
    endings.push(istiod.kill);
    await kubectl('wait', '--for=create', 'configmap/istio-ca-root-cert', '--timeout=60s');
    const root = await kubectl(
      'get',
      'configmap',
      'istio-ca-root-cert',
      '-o',
      'jsonpath={.data.root-cert\\.pem}',
    );
    const rootFile = join(folder, 'root-cert.pem');
    writeFileSync(rootFile, root);
    const accounts = new Set<string>();
    let files = 0;
    const write = (text: string) => {
      const file = join(folder, `file-${files++}`);
      writeFileSync(file, text);
      return file;
    };
    return {
      folder,
      kubeconfig,
      kubectl,
      rootFile,
      address: istiod.address,
      async tokenOf(serviceAccount, audience = 'istio-ca') {
        if (!accounts.has(serviceAccount)) await kubectl('create', 'serviceaccount', serviceAccount);
        accounts.add(serviceAccount);
        return write(await kubectl('create', 'token', serviceAccount, '--audience', audience));
      },
      urlOf: (tokenFile) =>
        `xds://127.0.0.1:${istiod.tlsPort}?ca=${rootFile}&server-name=istiod.istio-system.svc&token=${tokenFile}`,
      kill: end,
    };
  } catch (error) {
    end();
    throw error;
  }
}
