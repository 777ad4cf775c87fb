/** Containers by podman, with images and state in a folder of their own, which goes with them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../program.ts';

/** What a program has come to. */
export interface Ran {
  readonly status: number | null;
  /** Both of its streams. */
  readonly output: string;
}

/** See the module. */
export interface Podman {
  /** What make's BUILDER is told. */
  readonly builder: string;
  readonly store: string;
  /** Runs any program with podman's settings, for 10 minutes at most. */
  run(program: string, args: readonly string[]): Ran;
  /** Runs podman, which must succeed; returns what it has written. */
  succeed(...args: string[]): string;
  /** Runs podman, whatever it comes to. */
  attempt(...args: string[]): Ran;
  /** Starts a container in the background, with the network of this machine and a read-only root. */
  start(name: string, image: string, ...args: string[]): void;
  /** What a container has written, once it matches. */
  log(name: string, pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends all containers, and removes everything. */
  close(): void;
}

/** Images are copied layer by layer with `vfs`, which works everywhere; `overlay` is quicker where it works. */
export function openPodman(storage: 'vfs' | 'overlay'): Podman {
  const store = mkdtempSync(join(tmpdir(), 'pointsman-podman-'));
  const podman = join(root, 'test/peer/podman');
  const containers: string[] = [];
  const run = (program: string, args: readonly string[]): Ran => {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: root,
      encoding: 'utf8',
      timeout: 600_000,
      env: { ...process.env, PODMAN_STORAGE: storage, PODMAN_DIR: store },
    });
    // Without systemd podman says of each container that nobody will ask for its health.
    return { status, output: `${stdout}${stderr}`.replace(/^time=.*healthcheck.*\n/gm, '') };
  };
  const attempt = (...args: string[]): Ran => run(podman, [store, ...args]);
  const succeed = (...args: string[]): string => {
    const { status, output } = attempt(...args);
    assert.equal(status, 0, `podman ${args.join(' ')}: ${output}`);
    return output.trim();
  };
  return {
    builder: `${podman} ${store}`,
    store,
    run,
    succeed,
    attempt,
    start(name, image, ...args) {
      containers.push(name);
      succeed('run', '-d', '--name', name, '--network=host', '--read-only', image, ...args);
    },
    async log(name, pattern) {
      for (let tries = 0; tries < 200; tries++) {
        const found = pattern.exec(succeed('logs', name));
        if (found) return found;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error(`${name} never wrote ${pattern}: ${succeed('logs', name)}`);
    },
    close() {
      for (const name of containers) attempt('rm', '-f', '-t', '0', name);
      // It is a mount of itself while podman uses it.
      if (storage === 'overlay') run('umount', ['-l', join(store, 'store/overlay')]);
      rmSync(store, { recursive: true, force: true });
    },
  };
}
