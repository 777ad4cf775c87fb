/**
 * Reads every import of the source and holds it against the architecture: imports point down only, `router/`
 * is pure, and runtime names appear only where sockets and files are.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

/** Which folders each folder may import. Longest prefix wins; a folder may always import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'router/table': [],
  'router/schema': [],
  'router/parse': ['router/schema', 'router/issue.ts'],
  'router/validate': ['router/schema', 'router/issue.ts', 'router/parse'],
  'router/verdict': ['router/schema', 'router/issue.ts', 'router/parse', 'router/validate'],
  'router/route': ['router/table', 'router/steps.ts'],
  'router/policy': ['router/table'],
  'router/compile': ['router/table', 'router/schema', 'router/issue.ts', 'router/route', 'router/steps.ts'],
  'router/xds': ['router/table', 'router/compile', 'gen'],
  'router/region': ['router/table', 'router/compile', 'router/route'],
  'router/lint': ['router/table', 'router/schema', 'router/issue.ts', 'router/compile', 'router/region'],
  'router/issue.ts': ['router/schema'],
  'router/index.ts': ['router'],
  wire: [],
  upstream: ['router/table', 'router/route', 'router/policy', 'router/steps.ts', 'wire'],
  config: ['router', 'gen'],
  'config/xds': ['config', 'router', 'gen', 'upstream', 'wire'],
  traffic: ['upstream', 'router/table', 'router/route', 'router/policy', 'wire', 'config'],
  'traffic/rule-set': ['traffic', 'upstream', 'config', 'router'],
  'gateway/listener': ['traffic', 'upstream', 'router/table', 'wire', 'gateway/exchange.ts'],
  'gateway/telemetry': ['router/table'],
  workbench: ['router', 'gen'],
  'workbench/check': ['router', 'traffic/rule-set/limitation.ts', 'workbench/route-test/document.ts'],
  gateway: ['traffic', 'upstream', 'config', 'router', 'wire', 'workbench'],
  client: ['traffic', 'upstream', 'config', 'router', 'wire'],
  services: ['gen', 'client'],
  cli: ['gateway', 'client', 'services', 'workbench', 'config', 'router', 'upstream', 'traffic'],
  gen: [],
};

/** Where the names of a runtime (node: modules, Bun, Deno) may appear. */
const RUNTIME_FOLDERS = ['gateway/listener', 'upstream', 'config', 'cli', 'services'];

const folders = [...new Set(Object.keys(MAY_IMPORT).map((path) => path.split('/')[0]!))];

interface Module {
  readonly path: string;
  readonly imports: readonly string[];
}

function sourceFiles(folder: string): string[] {
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return []; // a folder comes to life with its first file
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourceFiles(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

/** Imports and re-exports, static and dynamic; relative ones as paths from the root. */
function readModule(path: string): Module {
  const text = readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g);
  const imports = [...found].map(([, target = '']) =>
    target.startsWith('.') ? relative(root, join(root, dirname(path), target)) : target,
  );
  return { path, imports };
}

const modules = folders.flatMap(sourceFiles).map(readModule);

function home(path: string): string | undefined {
  const homes = Object.keys(MAY_IMPORT).filter((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  return homes.sort((a, b) => b.length - a.length)[0];
}

const isLocal = (target: string) => folders.includes(target.split('/')[0]!) && target.endsWith('.ts');

test('imports point down only', () => {
  const wrong: string[] = [];
  for (const { path, imports } of modules) {
    const from = home(path);
    for (const target of imports.filter(isLocal)) {
      if (from === undefined) wrong.push(`${path}: its folder has no place in the architecture`);
      else {
        const allowed = [from, ...MAY_IMPORT[from]!];
        if (!allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`)))
          wrong.push(`${path} imports ${target}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('siblings in traffic/filter never import each other', () => {
  const wrong = modules
    .filter(({ path }) => path.startsWith('traffic/filter/'))
    .flatMap(({ path, imports }) =>
      imports
        .filter((target) => dirname(target) === 'traffic/filter')
        .map((target) => `${path} imports ${target}`),
    );
  assert.deepEqual(wrong, []);
});

test('runtime modules appear only where sockets and files are', () => {
  const wrong = modules.flatMap(({ path, imports }) =>
    imports
      .filter((target) => target.startsWith('node:') || target === 'bun' || target.startsWith('bun:'))
      .filter(() => !RUNTIME_FOLDERS.some((folder) => path.startsWith(`${folder}/`)))
      .map((target) => `${path} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test('router/route and router/table reach no package, so that a compiled table runs alone', () => {
  const wrong = modules
    .filter(({ path }) => /^router\/(route|table)\//.test(path))
    .flatMap(({ path, imports }) =>
      imports.filter((target) => !target.endsWith('.ts')).map((target) => `${path} imports ${target}`),
    );
  assert.deepEqual(wrong, []);
});

test('the host RegExp is never built from a value in router/', () => {
  const wrong = modules
    .filter(({ path }) => path.startsWith('router/'))
    .filter(({ path }) => /\bnew RegExp\s*\(|[^.\w]RegExp\s*\(/.test(readFileSync(join(root, path), 'utf8')))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test('pointsman/client loads nothing of the gateway, and no runtime before it is asked to', () => {
  const loaded = new Set<string>();
  const packages = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    const text = readFileSync(join(root, path), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\b(?:import|export) type [^;]*?\bfrom\s*'[^']+'/g, '');
    for (const [, target = ''] of text.matchAll(/(?:\bfrom|\bimport)\s+'([^'\n]+)'/g))
      if (target.startsWith('.')) load(relative(root, join(root, dirname(path), target)));
      else packages.add(target);
  };
  load('client/index.ts');
  assert.ok(loaded.has('traffic/forward/forwarding.ts'));
  assert.deepEqual(
    [...loaded].filter((path) => path.startsWith('gateway/')),
    [],
  );
  assert.deepEqual(
    [...packages].filter((name) => !/^(@connectrpc\/connect|re2js|js-yaml|zod)(\/|$)/.test(name)),
    [],
  );
});
