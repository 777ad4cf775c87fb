/** A real istiod for tests, over a folder of YAML or an API server. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../program.ts';

const SCRIPT = join(import.meta.dirname, 'istiod');

/** One that runs. */
export interface Istiod {
  /** `127.0.0.1:26010`: plaintext xDS. */
  readonly address: string;
  /** Port of xDS and certificates over TLS, as `istiod.istio-system.svc`; over an API server alone. */
  readonly tlsPort: number;
  /** At once, as its end in order takes it seconds. */
  kill(): void;
  /** What it has said last. */
  said(): string;
}

/** Ports are given by number: a few are tried, as others may have them. */
const TRIES = 3;

/**
 * Starts istiod over the files of a folder, which it watches, with its state in another; resolves when it is ready.
 * `meshConfig` takes the place of what the script writes. Test files that need it are skipped with
 * `skipWithout('istiod-file')`.
 */
export function startIstiod(
  files: string,
  state: string,
  { port, meshConfig }: { readonly port?: number; readonly meshConfig?: object } = {},
): Promise<Istiod> {
  return startWith(['--files', files], state, port, meshConfig);
}

/** The same, the released one, over an API server with a namespace `istio-system`; skipped with `skipWithout('istiod')`. */
export function startIstiodOverKubernetes(
  kubeconfig: string,
  state: string,
  meshConfig?: object,
): Promise<Istiod> {
  return startWith(['--kubeconfig', kubeconfig], state, undefined, meshConfig);
}

async function startWith(
  from: readonly string[],
  state: string,
  port?: number,
  meshConfig?: object,
): Promise<Istiod> {
  let output = '';
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const folder = join(state, String(attempt));
    if (meshConfig) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'mesh.yaml'), JSON.stringify(meshConfig));
    }
    const own = port ?? 20_000 + 4 * Math.floor(Math.random() * 3000);
    const started = await run(SCRIPT, ['start', folder, String(own), ...from]);
    output = started.output;
    if (started.code === 0)
      return {
        address: output.trim().split('\n').at(-1)!,
        said: () => readFileSync(join(folder, 'istiod.log'), 'utf8').slice(-1000),
        tlsPort: own + 3,
        kill: () => process.kill(Number(readFileSync(join(folder, 'istiod.pid'), 'utf8')), 'SIGKILL'),
      };
  }
  throw new Error(`Cannot start istiod: ${output}`);
}
