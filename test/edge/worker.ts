/** Runs a worker in workerd, the runtime of Cloudflare Workers, from a bundle as people would deploy it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Miniflare } from 'miniflare';

const root = resolve(import.meta.dirname, '../..');

/** A bundle's modules, the entry first. */
export interface Bundle {
  readonly modules: readonly { readonly path: string; readonly text: string }[];
  /** Of the entry and all that it loads at once, minified. */
  readonly bytes: number;
}

/** Bundles a file of this project by Bun, minified; what is loaded only when asked for becomes modules of its own. */
export function bundle(entry: string): Bundle {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-edge-'));
  try {
    const { status, stderr } = spawnSync(
      join(root, 'node_modules/.bin/bun'),
      [
        ...['build', join(root, entry), '--target=browser', '--format=esm', '--minify', '--splitting'],
        ...['--external', 'node:*', `--outdir=${folder}`, '--entry-naming=entry.js'],
      ],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`Cannot bundle ${entry}: ${stderr}`);
    const names = readdirSync(folder).sort(
      (one, other) => Number(other === 'entry.js') - Number(one === 'entry.js'),
    );
    const modules = names.map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
    return {
      modules,
      bytes: loadedAtOnce(modules).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function loadedAtOnce(modules: Bundle['modules']): Bundle['modules'] {
  const found = new Set<Bundle['modules'][number]>(modules.slice(0, 1));
  for (const { text } of found) {
    for (const [, path] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) {
      const module = modules.find((each) => each.path === path);
      if (module) found.add(module);
    }
  }
  return [...found];
}

/** A worker that runs; to be disposed of. */
export interface Worker {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string;
  fetch(
    path: string,
    init?: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array },
  ): Promise<Response>;
  dispose(): Promise<void>;
}

/** Starts workerd with the bundle; rejects when it does not load. No compatibility with node is asked for. */
export async function startWorker(
  { modules }: Bundle,
  bindings: Record<string, unknown> = {},
): Promise<Worker> {
  const miniflare = new Miniflare({
    modules: modules.map(({ path, text }) => ({ type: 'ESModule', path: join(root, path), contents: text })),
    modulesRoot: root,
    compatibilityDate: '2026-04-01',
    bindings: bindings as Record<string, never>,
  });
  const url = await miniflare.ready;
  return {
    url: url.origin,
    fetch: (path, init) => fetch(new URL(path, url), init as RequestInit),
    dispose: () => miniflare.dispose(),
  };
}
