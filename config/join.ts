/**
 * One list of resources from what several sources hold and what was laid over them, with how each of them stands.
 * Pure; the store gives it what it has.
 */
import type { Issue, Steps } from '../router/index.ts';
import type { ValidResource } from '../router/schema/kind.ts';
import { resourceKey } from '../router/schema/resource.ts';
import { TURNS } from '../router/steps.ts';
import type { Held, Holding, ResourceState } from './resource-state.ts';
import type { ConfigSource } from './source.ts';

/** Laid over the sources in memory: another version of a resource, or its absence. */
export interface Laid {
  /** Null: deleted. */
  readonly resource: ValidResource | null;
  /** ISO time. */
  readonly since: string;
}

/** What one source contributes. */
export interface Contribution {
  readonly source: Pick<ConfigSource, 'name'>;
  readonly holding: Holding;
  readonly issues: readonly Issue[];
}

/** See `ConfigSnapshot`, which has the same. */
export interface Joined {
  readonly resources: readonly ValidResource[];
  readonly issues: readonly Issue[];
  readonly states: readonly ResourceState[];
}

/** Name under which {@link ResourceState.source} shows what was applied, and the file of its text. */
export const APPLIED = 'apply';

/** States of what simply is in effect, which most of ten thousand resources are at each change of one. */
export type QuietStates = WeakMap<Held, ResourceState>;

/** Joins them: of a key the version laid over it, else that of the first source that holds it. */
export function* join(
  all: readonly Contribution[],
  overlay: ReadonlyMap<string, Laid>,
  quiet: QuietStates,
): Steps<Joined> {
  const resources: ValidResource[] = [];
  const states: ResourceState[] = [];
  const issues = all.flatMap((each) => each.issues);
  let turn = 0;
  for (const each of all) {
    const source = each.source.name;
    const found = groupIssues(each.issues);
    const refuse = (resource: ValidResource, since: string, own: readonly Issue[]) => {
      const key = resourceKey(resource);
      const owner = heldBy(all, key);
      const issue = duplicateIssue(resource, owner === undefined ? source : placeOf(owner));
      issues.push(issue);
      states.push({ key, source, ...positionOf(resource), state: 'refused', since, issues: [...own, issue] });
    };
    for (const [key, held] of each.holding.held) {
      if (++turn % TURNS === 0) yield;
      const { resource, state, since } = held;
      const own = found.of(key, state === 'last-good' ? resource.source?.file : undefined);
      if (heldBy(all, key)?.by !== each) {
        refuse(resource, since, own);
        continue;
      }
      const laid = overlay.get(key);
      if (laid === undefined) resources.push(resource);
      const isQuiet = laid === undefined && own.length === 0;
      const known = isQuiet ? quiet.get(held) : undefined;
      if (known !== undefined) {
        states.push(known);
        continue;
      }
      const standing =
        laid === undefined ? { state, since } : { state: 'hidden' as const, since: laid.since };
      const shown: ResourceState = { key, source, ...positionOf(resource), ...standing, issues: own };
      if (isQuiet) quiet.set(held, shown);
      states.push(shown);
    }
    for (const { resource, since } of each.holding.duplicates) refuse(resource, since, []);
    for (const [key, since] of each.holding.refused) {
      const own = found.of(key);
      states.push({ key, source, ...positionOf(own[0]), state: 'refused', since, issues: own });
    }
  }
  for (const [key, { resource, since }] of overlay) {
    if (resource === null) continue;
    resources.push(resource);
    states.push({ key, source: APPLIED, state: 'active', since, issues: [] });
  }
  return { resources, issues, states };
}

/** The version of a key that the sources would have in effect: that of the first one that holds it. */
export function heldBy<Each extends Contribution>(
  all: readonly Each[],
  key: string,
): { readonly by: Each; readonly held: Held } | undefined {
  for (const by of all) {
    const held = by.holding.held.get(key);
    if (held !== undefined) return { by, held };
  }
  return undefined;
}

/** Where it is written, for people: `rules.yaml:3`, or the source's name. */
export function placeOf({ by, held }: { readonly by: Contribution; readonly held: Held }): string {
  const { file, line } = positionOf(held.resource);
  return file === undefined ? by.source.name : `${file}:${line}`;
}

/** Issues by what they are about. */
function groupIssues(issues: readonly Issue[]): {
  /** Those about the resource, and those about all of `file`, in their order. */
  of(key: string, file?: string): readonly Issue[];
} {
  const byResource = Map.groupBy(issues, ({ resource }) => resource && issueKey(resource));
  const general = Map.groupBy(byResource.get(undefined) ?? [], ({ file }) => file);
  return {
    of(key, file) {
      const own = byResource.get(key) ?? [];
      const all = file === undefined ? undefined : general.get(file);
      return all === undefined ? own : [...all, ...own];
    },
  };
}

function issueKey({ kind, namespace, name }: NonNullable<Issue['resource']>): string {
  return `${kind}/${namespace}/${name}`;
}

function positionOf(placed: ValidResource | Issue | undefined): { file?: string; line?: number } {
  if (placed === undefined) return {};
  if ('spec' in placed) {
    const { source } = placed;
    return source === undefined ? {} : { file: source.file, line: source.position([]).line };
  }
  const { file, line } = placed;
  return { ...(file !== undefined && { file }), ...(line !== undefined && { line }) };
}

function duplicateIssue(resource: ValidResource, owner: string): Issue {
  const { kind, metadata, source } = resource;
  const position = source?.position(['metadata', 'name']);
  return {
    code: 'duplicate-resource',
    severity: 'error',
    message: `Cannot take ${kind} "${metadata.namespace}/${metadata.name}" twice: ${owner} already holds it; remove one of the two`,
    ...(source !== undefined &&
      position !== undefined && { file: source.file, ...position, excerpt: source.line(position.line) }),
    path: ['metadata', 'name'],
    resource: { kind, namespace: metadata.namespace, name: metadata.name },
  };
}
