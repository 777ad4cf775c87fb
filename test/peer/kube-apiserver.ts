/** A real Kubernetes API server with Istio's resource definitions, for tests. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closedPorts } from '../closed-port.ts';
import { run } from '../program.ts';
import { findPeer } from './find.ts';

const SCRIPT = join(import.meta.dirname, 'kube-apiserver');
const TRIES = 3;

/** One that runs. */
export interface KubeApiserver {
  readonly kubeconfig: string;
  /** Standard output of kubectl, which must succeed. */
  kubectl(...args: string[]): Promise<string>;
  /** At once; a second time it does nothing. */
  kill(): void;
}

/**
 * Starts etcd and an API server with their state in a folder; resolves when Istio's resources can be applied. Test
 * files that need them are skipped with `skipWithout` for kube-apiserver, etcd and kubectl.
 */
export async function startKubeApiserver(folder: string): Promise<KubeApiserver> {
  let output = '';
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const state = join(folder, String(attempt));
    const port = await closedPorts(3);
    const started = await run(SCRIPT, ['start', state, String(port)]);
    output = started.output;
    if (started.code !== 0) continue;
    const pids = ['apiserver', 'etcd'].map((name) =>
      Number(readFileSync(join(state, `${name}.pid`), 'utf8')),
    );
    let hasEnded = false;
    const kill = () => {
      if (hasEnded) return;
      hasEnded = true;
      for (const pid of pids) process.kill(pid, 'SIGKILL');
    };
    // Hooks of a test are not run where its process is ended for taking too long.
    process.on('exit', kill);
    const kubeconfig = output.trim().split('\n').at(-1)!;
    const kubectl = async (...args: string[]) => {
      const { code, output } = await run(findPeer('kubectl')!, ['--kubeconfig', kubeconfig, ...args]);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${output}`);
      return output;
    };
    try {
      const crds = await run(join(import.meta.dirname, 'istio-crds'), []);
      await kubectl('apply', '--server-side', '-f', crds.output.trim());
      const established = ['virtualservices', 'destinationrules', 'serviceentries'].map(
        (name) => `crd/${name}.networking.istio.io`,
      );
      await kubectl('wait', '--for=condition=Established', ...established);
    } catch (error) {
      kill();
      throw error;
    }
    return { kubeconfig, kubectl, kill };
  }
  throw new Error(`Cannot start kube-apiserver: ${output}`);
}
