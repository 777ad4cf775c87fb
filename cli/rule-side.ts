/** Rules from wherever people keep a version of them: files and folders, a revision of git, a running gateway, a cluster or a mesh. */
import { existsSync } from 'node:fs';
import { isRemoteSource } from '../config/named.ts';
import { type Issue, parse, type Resource, type ValidResource, validate } from '../router/index.ts';
import type { Client } from '../workbench/client.ts';
import type { ProxyState } from '../workbench/proxy/proxy-state.ts';
import { usageFailure } from './failure.ts';
import { type RuleText, readTexts } from './rule-text.ts';
import { readSource } from './source-side.ts';

/** One version of the rules. */
export interface RuleSide {
  readonly resources: readonly ValidResource[];
  /** Errors alone: what they are of is not among the resources. */
  readonly issues: readonly Issue[];
  /** In place of resources: what a proxy of Istio's has, from a file that its tools wrote or from its control plane. */
  readonly proxy?: ProxyState;
}

interface Text {
  readonly file: string;
  readonly text: string | Uint8Array;
}

/**
 * Reads one side: a path, `-`, `REV:PATH`, `http://HOST:PORT` of a gateway's admin port, `k8s://` of a cluster,
 * `xds://HOST:PORT` of a control plane as the client sees it, or `REV` alone, which means the other side's path at that
 * revision.
 */
export async function readSide(name: string, other: string, client: Client = {}): Promise<RuleSide> {
  if (/^https?:\/\//.test(name)) return fromGateway(name);
  if (isRemoteSource(name)) return readSource(name, client);
  if (name === '-' || existsSync(name)) {
    const { texts, issues } = await readTexts([name]);
    const proxy = await readDump(texts, client);
    if (proxy) return { resources: [], issues: [], proxy };
    return sideOf(
      texts.map(({ file, bytes }) => ({ file, text: bytes })),
      issues,
    );
  }
  const { gitTexts, isRevision } = await import('./git-text.ts');
  const colon = name.indexOf(':');
  if (colon > 0) return sideOf(await gitTexts(name.slice(0, colon), name.slice(colon + 1)));
  if (await isRevision(name)) {
    if (other === '-' || !existsSync(other))
      throw usageFailure(`Cannot tell which rules of the revision "${name}" are meant: write ${name}:PATH`);
    return sideOf(await gitTexts(name, other));
  }
  throw usageFailure(
    `Cannot find "${name}": it is no file or folder, no revision of git like HEAD:PATH, and no URL of a gateway, k8s:// or xds://HOST:PORT`,
  );
}

/** The rules of several sides as one. Throws for one that has none to tell. */
export async function readSides(names: readonly string[]): Promise<RuleSide> {
  const sides = [];
  for (const name of names) {
    const side = await readSide(name, name);
    if (side.proxy)
      throw usageFailure(
        `Cannot use "${name}" here: it is what a proxy has made of rules; give the rules, or compare it with diff`,
      );
    sides.push(side);
  }
  return {
    resources: sides.flatMap(({ resources }) => resources),
    issues: sides.flatMap(({ issues }) => issues),
  };
}

/** What a proxy has, where the one text is JSON of that kind. */
export async function readDump(
  texts: readonly RuleText[],
  { namespace }: Client = {},
): Promise<ProxyState | undefined> {
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
  const { isEnvoyDump, readEnvoyDump } = await import('../workbench/proxy/envoy-dump.ts');
  return isEnvoyDump(value) ? readEnvoyDump(value, namespace) : undefined;
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
