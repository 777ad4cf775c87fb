/**
 * Which test files run together, and which need not run on every runtime. Imports node's file system.
 */
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** The project's folder. */
export const root = resolve(import.meta.dirname, '../..');

/**
 * What makes no difference to what it tests by running on another runtime, and takes long: on Bun alone, unless it is
 * asked for by name. `test/cli/serve.test.ts`, `test/cli/runtime.test.ts` and `test/e2e/` start the command line on each.
 */
const ONCE: readonly RegExp[] = [
  /^test\/architecture\//, // reads the sources
  /^test\/support\//, // holds a page against recorded evidence
  /^test\/edge\//, // drives workerd, a runtime of its own
  /^test\/run\//, // what runs the tests, by Bun
  /^test\/cli\/(?!serve|runtime)/, // the command line, which Bun runs
  /^test\/e2e\/(kubernetes|tutorial-page)\.test\.ts$/, // peers and pages; istiod.test.ts and proxyless.test.ts are on each
  /^test\/(deploy|workbench)\//, // scripts that start Node, and pure code that the command line asks, which Bun runs
  /^test\/conformance\/sidecar\.test\.ts$/, // peers
  /^test\/conformance\/(table|validation)\.test\.ts$/, // what pure code makes of the corpus; router.test.ts asks it on each
  /^test\/router\/fuzz\/memory\.test\.ts$/, // what our own code holds on to
  /^test\/router\/(lint|xds)\/corpus\.test\.ts$/, // the recorded corpus, whose decisions router.test.ts asks of each
];

/** Folders of tests that take long, or need more than a clone has: only where they are named. */
const NAMED_ONLY = ['long', 'package'];

/** Files that one process runs together. */
export interface Pack {
  readonly name: string;
  readonly files: readonly string[];
  /**
   * `timed`: its tests look at the clock, so that others stand back. `waiting`: it waits more than it works.
   */
  readonly kind: 'timed' | 'waiting' | 'busy';
  /** Whose turn it is, from 0 on: whatever the runtime, longer packs come first. */
  readonly place: number;
}

/** Longest first, so that what is left for the end is short. A file is in the first pack that takes it. */
const PACKS: readonly (Omit<Pack, 'files' | 'place'> & { readonly takes: RegExp })[] = [
  { name: 'e2e', kind: 'timed', takes: /^test\/e2e\// },
  { name: 'waits', kind: 'waiting', takes: /^test\/(conformance\/gateway|gateway\/resilience)\.test\.ts$/ },
  { name: 'sidecar', kind: 'waiting', takes: /^test\/conformance\/sidecar\.test\.ts$/ },
  { name: 'cli', kind: 'busy', takes: /^test\/(cli|support|run)\// },
  { name: 'router', kind: 'busy', takes: /^test\/router\// },
  { name: 'gateway', kind: 'busy', takes: /^test\/(gateway|connect-conformance)\// },
  { name: 'programs', kind: 'busy', takes: /^test\/(services|config|edge|deploy|long)\// },
  { name: 'others', kind: 'busy', takes: /^/ },
];

/** Test files below files and folders, or the whole suite without those that want to be named; relative to the root, in a stable order. */
export function testFiles(paths: readonly string[]): readonly string[] {
  const files = new Set<string>();
  const visit = (path: string, asked: boolean) => {
    if (path.endsWith('.test.ts')) return void files.add(relative(root, path));
    if (path.endsWith('.ts')) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() && (asked || !NAMED_ONLY.includes(entry.name)))
        visit(join(path, entry.name), asked);
      else if (entry.name.endsWith('.test.ts')) files.add(relative(root, join(path, entry.name)));
    }
  };
  for (const path of paths) visit(resolve(path), true);
  if (paths.length === 0) visit(join(root, 'test'), false);
  return [...files].map((file) => file.replaceAll('\\', '/')).sort();
}

/** Those of `files` that run on a runtime when all of the suite is run. */
export function filesOn(runtime: string, files: readonly string[]): readonly string[] {
  return runtime === 'bun' ? files : files.filter((file) => !ONCE.some((pattern) => pattern.test(file)));
}

/** The files in packs, each of which has some. */
export function packsOf(files: readonly string[]): readonly Pack[] {
  const left = new Set(files);
  return PACKS.flatMap(({ takes, ...pack }, place): Pack[] => {
    const taken = [...left].filter((file) => takes.test(file));
    for (const file of taken) left.delete(file);
    return taken.length === 0 ? [] : [{ ...pack, files: taken, place }];
  });
}
