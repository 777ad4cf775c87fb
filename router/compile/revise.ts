/**
 * A compilation after the rules of a few VirtualServices have changed, or the endpoints of a few services: what does
 * not depend on them is taken over. Imports schema types and the table's.
 */
import type { ValidResource } from '../schema/kind.ts';
import type { Steps } from '../steps.ts';
import type { Service } from '../table/cluster.ts';
import type { RouteTable } from '../table/route-table.ts';
import { type Assembly, reviseAssembly } from './assembly.ts';
import { type Draft, drawRoot, type Root } from './draft.ts';
import type { CompileOptions } from './option.ts';

/** With more changes than this a new compilation costs no more. */
const MAX_CHANGES = 50;

/**
 * The draft of the resources, made from the one before. Undefined where more has changed than `spec.http` of
 * VirtualServices with hosts, and endpoints of services, which may move anything: then all has to be compiled.
 */
export function* revise(
  before: Draft,
  resources: readonly ValidResource[],
  options: CompileOptions,
): Steps<Draft | undefined> {
  if (before.hasImports || before.resources.length !== resources.length) return undefined;
  const changes: (readonly [from: ValidResource, to: ValidResource])[] = [];
  const isSameList = resources === before.resources;
  for (let index = 0; index < resources.length && !isSameList; index++) {
    const from = before.resources[index]!;
    const to = resources[index]!;
    if (from !== to && changes.push([from, to]) > MAX_CHANGES) return undefined;
  }
  yield;
  let draft = reviseServices(before, options);
  if (!draft) return undefined;
  for (const [from, to] of changes) {
    yield;
    const next: Draft | undefined = yield* reviseOne(draft, from, to);
    if (!next) return undefined;
    draft = next;
  }
  return { ...draft, resources, options };
}

/** The draft with other options, where these differ in nothing but endpoints of services; undefined where they do. */
function reviseServices(before: Draft, options: CompileOptions): Draft | undefined {
  const { services: known = [], ...rest } = before.options;
  const { services: next = [], ...others } = options;
  if (known.length !== next.length || !isSame(rest, others)) return undefined;
  const changes: Service[] = [];
  for (let index = 0; index < next.length; index++) {
    const [from, to] = [known[index]!, next[index]!];
    if (from === to) continue;
    if (!isSame({ ...from, endpoints: [] }, { ...to, endpoints: [] })) return undefined;
    // Of several services of one host the table has them joined, or their endpoints.
    if (before.sharesEndpoints(from)) return undefined;
    if (before.services.get(from.host) !== from || changes.push(to) > MAX_CHANGES) return undefined;
  }
  if (changes.length === 0) return before;
  const clusters = [...before.table.clusters];
  for (const service of changes) {
    const own = before.clustersOf(service);
    // Without a name to look up a service by DNS has no cluster at all.
    if (own.length !== before.clustersOf(before.services.get(service.host)!).length) return undefined;
    // Those of one service stand together. What routes look up is the same object as before.
    const first = clusters.findIndex(({ name }) => name === own[0]?.name);
    for (const [place, cluster] of own.entries()) {
      const { destination } = clusters[first + place]!;
      clusters[first + place] = { ...cluster, destination };
    }
  }
  const services = new Map(before.services);
  for (const service of changes) services.set(service.host, service);
  return { ...before, services, table: { ...before.table, clusters } };
}

function* reviseOne(before: Draft, from: ValidResource, to: ValidResource): Steps<Draft | undefined> {
  if (to.kind !== 'VirtualService') return undefined;
  const place = before.roots.findIndex(({ resource }) => resource === from);
  const old = before.roots[place];
  if (!old || !isSame(outline(old.resource), outline(to))) return undefined;
  const root = drawRoot(to, before.context);
  const assemblies: Assembly[] = [];
  for (const assembly of before.assemblies) {
    yield;
    const revised = yield* reviseAssembly(assembly, old.prepared, root.prepared);
    if (!revised) return undefined;
    assemblies.push(revised);
  }
  return {
    ...before,
    roots: before.roots.with(place, root),
    assemblies,
    table: withHosts(before.table, before.assemblies, assemblies),
  };
}

/** All of a VirtualService that decides where its rules go, and none of the rules. */
function outline({ metadata, spec }: Root['resource']): unknown {
  const { name, namespace, creationTimestamp } = metadata;
  const { hosts, gateways, exportTo } = spec;
  return [name, namespace, creationTimestamp, hosts, gateways, exportTo];
}

function withHosts(
  table: RouteTable,
  before: readonly Assembly[],
  assemblies: readonly Assembly[],
): RouteTable {
  const revised = [...table.listeners, table.fallback].map((listener, index) =>
    assemblies[index] === before[index]
      ? listener
      : { ...listener, virtualHosts: assemblies[index]!.hosts.map(({ virtualHost }) => virtualHost) },
  );
  return { ...table, listeners: revised.slice(0, -1), fallback: revised.at(-1)! };
}

/** True for the same object, and for data that reads the same; services and labels are compared by identity first. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [keysOfA, keysOfB] = [Object.keys(a), Object.keys(b)];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keysOfA.length === keysOfB.length &&
    keysOfA.every((key) => Object.hasOwn(b, key) && isSame(Reflect.get(a, key), Reflect.get(b, key)))
  );
}
