/** Headers of a rule or destination -> header operations. Imports schema types and the table's. */
import type { HeaderOperations, Headers } from '../schema/virtual-service.ts';
import { byteText } from '../table/byte-text.ts';
import type { HeaderOperation } from '../table/decision.ts';
import { NONE } from '../table/none.ts';
import { compareText } from './age.ts';

/** What `headers` asks for. */
export interface CompiledHeaders {
  readonly request: readonly HeaderOperation[];
  readonly response: readonly HeaderOperation[];
  /** The new authority, where the request's `host` or `:authority` is set or, failing that, added. */
  readonly authority: string;
}

/**
 * Removals, then what is set, then what is added, each by name. Pseudo headers and `host` are left out: they
 * cannot be changed but for the authority.
 *
 * Source: Istio `pilot/pkg/networking/core/route/route.go` (TranslateHeadersOperations).
 */
export function compileHeaders(headers: Headers | undefined): CompiledHeaders {
  const { request, response } = headers ?? {};
  return {
    request: operations(request),
    response: operations(response),
    authority: authorityOf(request?.set) || authorityOf(request?.add),
  };
}

/** Two lists as one, as Istio joins a rule's and its only destination's: all removals first, the later set wins. */
export function joinOperations(
  first: readonly HeaderOperation[],
  second: readonly HeaderOperation[],
): readonly HeaderOperation[] {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const all = [...first, ...second];
  return (['remove', 'set', 'add'] as const).flatMap((kind) => all.filter((each) => each.kind === kind));
}

function operations(spec: HeaderOperations | undefined): readonly HeaderOperation[] {
  if (!spec) return NONE;
  const removed = (spec.remove ?? []).filter((name) => !isInternal(name));
  return [
    ...removed.map((name): HeaderOperation => ({ kind: 'remove', name: name.toLowerCase() })),
    ...entries(spec.set).map(([name, value]): HeaderOperation => ({ kind: 'set', name, value })),
    ...entries(spec.add).map(([name, value]): HeaderOperation => ({ kind: 'add', name, value })),
  ];
}

function entries(values: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(values ?? {})
    .filter(([name]) => !isInternal(name))
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, value]) => [name.toLowerCase(), byteText(value)]);
}

function isInternal(name: string): boolean {
  return name.startsWith(':') || name.toLowerCase() === 'host';
}

function authorityOf(values: Readonly<Record<string, string>> | undefined): string {
  const found = Object.entries(values ?? {}).find(([name]) => /^(?::authority|host)$/i.test(name));
  return byteText(found?.[1] ?? '');
}
