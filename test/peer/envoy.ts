/** A stock Envoy for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One that runs. */
export interface Envoy {
  /** At once. */
  stop(): Promise<void>;
}

/** How long it may take to be ready. */
const LIMIT_MS = 30_000;

/**
 * Starts Envoy with a bootstrap, which is written into the folder, and waits until the admin port says that it is ready.
 * Throws what it says against its configuration. Test files that need it are skipped with `skipWithout('envoy')`.
 */
export async function startEnvoy(
  program: string,
  folder: string,
  bootstrap: object,
  adminPort: number,
): Promise<Envoy> {
  const file = join(folder, 'envoy.json');
  const admin = { address: { socketAddress: { address: '127.0.0.1', portValue: adminPort } } };
  writeFileSync(file, JSON.stringify({ admin, ...bootstrap }));
  const options = [
    ['--concurrency', '1'],
    ['--file-flush-interval-msec', '20'],
    ['-l', 'error'],
    ['--disable-hot-restart'],
  ].flat();
  const child: ChildProcess = spawn(program, ['-c', file, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = (said + chunk).slice(-20_000);
  });
  let hasEnded = false;
  const exit = new Promise<void>((resolve) =>
    child.on('exit', () => {
      hasEnded = true;
      resolve();
    }),
  );
  const until = performance.now() + LIMIT_MS;
  while (!(await isReady(adminPort))) {
    if (hasEnded || performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`Envoy did not start: ${said.slice(-600)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async stop() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

async function isReady(adminPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok;
  } catch {
    return false;
  }
}

/** As Istio starts its proxies. Source: Istio `tools/packaging/common/envoy_bootstrap.json`. */
export const ISTIO_RUNTIME = {
  'overload.global_downstream_max_connections': 50000,
  're2.max_program_size.error_level': 32768,
  'envoy.reloadable_features.http_reject_path_with_fragment': false,
} as const;
