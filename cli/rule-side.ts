/** Rules from wherever people keep a version of them: files and folders, a revision of git, a running gateway, a cluster. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { isRuleFile } from '../config/file.ts';
import { type Issue, parse, type Resource, type ValidResource, validate } from '../router/index.ts';
import type { EnvoyDump } from '../workbench/envoy-dump.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { type RuleText, readTexts } from './rule-text.ts';

/** One version of the rules. */
export interface RuleSide {
  readonly resources: readonly ValidResource[];
  /** Errors alone: what they are of is not among the resources. */
  readonly issues: readonly Issue[];
  /** In place of resources: what a proxy of Istio's has, from a file that its tools wrote. */
  readonly dump?: EnvoyDump;
}

interface Text {
  readonly file: string;
  readonly text: string | Uint8Array;
}

const run = promisify(execFile);
const MAX_GIT_BYTES = 256 * 1024 * 1024;

/**
 * Reads one side: a path, `-`, `REV:PATH`, `http://HOST:PORT` of a gateway's admin port, `k8s://` of a cluster, or `REV`
 * alone, which means the other side's path at that revision.
 */
export async function readSide(name: string, other: string): Promise<RuleSide> {
  if (/^https?:\/\//.test(name)) return fromGateway(name);
  if (name.startsWith('k8s:')) return fromCluster(name);
  if (name === '-' || existsSync(name)) {
    const { texts, issues } = await readTexts([name]);
    const dump = await dumpOf(texts);
    if (dump) return { resources: [], issues: [], dump };
    return sideOf(
      texts.map(({ file, bytes }) => ({ file, text: bytes })),
      issues,
    );
  }
  const colon = name.indexOf(':');
  if (colon > 0) return fromGit(name.slice(0, colon), name.slice(colon + 1), process.cwd());
  if (await isRevision(name)) {
    if (other === '-' || !existsSync(other))
      throw usageFailure(`Cannot tell which rules of the revision "${name}" are meant: write ${name}:PATH`);
    return fromGit(name, other, process.cwd());
  }
  throw usageFailure(
    `Cannot find "${name}": it is no file or folder, no revision of git like HEAD:PATH, and no URL of a gateway or k8s://`,
  );
}

/** Several sides as one. */
export async function readSides(names: readonly string[]): Promise<RuleSide> {
  const sides = [];
  for (const name of names) sides.push(await readSide(name, name));
  return {
    resources: sides.flatMap(({ resources }) => resources),
    issues: sides.flatMap(({ issues }) => issues),
  };
}

/** What a proxy has, where the one text is JSON of that kind. */
export async function dumpOf(texts: readonly RuleText[]): Promise<EnvoyDump | undefined> {
  const [first, ...others] = texts;
  if (!first || others.length > 0) return undefined;
  const text = new TextDecoder().decode(first.bytes);
  if (!/^\s*[[{]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { isEnvoyDump, readEnvoyDump } = await import('../workbench/envoy-dump.ts');
  return isEnvoyDump(value) ? readEnvoyDump(value) : undefined;
}

function sideOf(texts: readonly Text[], unread: readonly Issue[] = []): RuleSide {
  const resources: Resource[] = [];
  const issues: Issue[] = [...unread];
  for (const { file, text } of texts) {
    const parsed = parse(text, { file });
    resources.push(...parsed.resources);
    issues.push(...parsed.issues);
  }
  const validated = validate(resources);
  issues.push(...validated.issues);
  return { resources: validated.resources, issues: issues.filter(({ severity }) => severity === 'error') };
}

async function fromGateway(url: string): Promise<RuleSide> {
  const { createAdminClient } = await import('./admin-client.ts');
  const manifests = await createAdminClient(url).list();
  return sideOf([{ file: url, text: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }) }]);
}

/** How long a cluster may take to list all that it has. */
const CLUSTER_TIMEOUT_MS = 60_000;

/** What the cluster has now. A source waits for a cluster that is away; whoever asks once is told so. */
async function fromCluster(name: string): Promise<RuleSide> {
  const { sourceOf } = await import('../config/named.ts');
  const ending = new AbortController();
  const failed = Promise.withResolvers<never>();
  const fail = (reason: string): void =>
    failed.reject(new CommandFailure(`Cannot read rules from "${name}": ${reason}`));
  const timer = setTimeout(
    () => fail(`not all was listed within ${CLUSTER_TIMEOUT_MS / 1000} s`),
    CLUSTER_TIMEOUT_MS,
  );
  const first = Promise.withResolvers<RuleSide>();
  try {
    const source = sourceOf(name);
    const started = source.start(
      ({ resources, issues }) =>
        first.resolve({ resources, issues: issues.filter(({ severity }) => severity === 'error') }),
      ending.signal,
      ({ reason }) => {
        if (reason !== undefined) fail(reason);
      },
    );
    started.catch((error: Error) => fail(error.message));
    return await Promise.race([first.promise, failed.promise]);
  } catch (error) {
    if (error instanceof TypeError) throw usageFailure(error.message);
    throw error;
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

async function isRevision(name: string): Promise<boolean> {
  try {
    await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`], process.cwd());
    return true;
  } catch {
    return false;
  }
}

async function fromGit(revision: string, path: string, cwd: string): Promise<RuleSide> {
  if (!(await isRevision(revision)))
    throw usageFailure(`Cannot find "${revision}:${path}": git knows no revision "${revision}" here`);
  const root = (await git(['rev-parse', '--show-toplevel'], cwd)).trim();
  const own = relative(root, resolve(cwd, path)) || '.';
  if (own.startsWith('..')) throw usageFailure(`Cannot read "${path}" from git: it lies outside of ${root}`);
  const listed = await git(['ls-tree', '-z', revision, own === '.' ? './' : own, `${own}/`], root);
  const names = listed
    .split('\0')
    .flatMap((line) => /^\d+ blob \w+\t(.*)$/s.exec(line)?.[1] ?? [])
    .filter((name) => name === own || (isRuleFile(name.split('/').at(-1)!) && dirname(name) === own));
  if (names.length === 0) throw usageFailure(`Cannot find rules at "${revision}:${path}"`);
  const texts: Text[] = [];
  for (const name of names.sort()) {
    const text = await git(['show', `${revision}:${name}`], root);
    texts.push({ file: `${revision}:${name}`, text });
  }
  return sideOf(texts);
}

async function git(args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await run('git', [...args], { cwd, maxBuffer: MAX_GIT_BYTES });
    return stdout;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    throw new CommandFailure(`Cannot ask git: ${(stderr || message).trim().split('\n')[0]}`);
  }
}
