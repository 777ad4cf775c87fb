/** A real istiod for tests, over a folder of YAML or an API server. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { closedPorts } from '../closed-port.ts';
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
 * Starts istiod over the files of a folder, which it watches, with its state in another; resolves when it tells of all
 * they have. `meshConfig` takes the place of what the script writes. Test files that need it are skipped with
 * `skipWithout('istiod-file')`.
 */
export async function startIstiod(
  files: string,
  state: string,
  { port, meshConfig }: { readonly port?: number; readonly meshConfig?: object } = {},
): Promise<Istiod> {
  const istiod = await startWith(['--files', files], state, port, meshConfig);
  await untilRead(files, istiod.address);
  return istiod;
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
    const own = port ?? (await closedPorts(4));
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

/** Longer than it takes to read any test's files; some of them may be refused, and are waited for in vain. */
const READ_LIMIT_MS = 10_000;

/** A resource of Istio, as far as counting needs it. */
interface Resource {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly spec?: { readonly hosts?: readonly string[] };
}

/** Over files istiod is ready before it has read them. Waits until it has, and has made of them what it tells. */
async function untilRead(folder: string, address: string): Promise<void> {
  const port = Number(address.split(':')[1]);
  const documents = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
    .map((document) => document.toJS() as Resource | null)
    .filter(
      (resource): resource is Resource => resource?.apiVersion?.startsWith('networking.istio.io/') === true,
    );
  const count = (kind: string) =>
    documents.filter((resource) => resource.kind === kind && (resource.spec?.hosts?.length ?? 0) > 0).length;
  const end = Date.now() + READ_LIMIT_MS;
  while (Date.now() < end) {
    const read = (await (await fetch(`http://127.0.0.1:${port + 1}/debug/configz`)).json()) as
      | unknown[]
      | null;
    const metrics = await (await fetch(`http://127.0.0.1:${port + 2}/metrics`)).text();
    const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(metrics)?.[1] ?? 0);
    if (
      (read?.length ?? 0) >= documents.length &&
      value('pilot_virt_services') >= count('VirtualService') &&
      value('pilot_services') >= Math.min(count('ServiceEntry'), 1)
    )
      return;
    await new Promise((done) => setTimeout(done, 50));
  }
}
