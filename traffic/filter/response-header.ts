/** What a rule changes in an upstream's response. Imports the router's header operations. */
import { applyHeaderOperations } from '../../router/route/index.ts';
import type { HeaderOperation } from '../../router/table/decision.ts';
import type { HeaderList } from '../../router/table/request.ts';

/** What the values of operations may still ask for. */
export interface ResponseFacts {
  readonly status: number;
  /** `10.0.0.1:8080`. */
  readonly upstreamHost: string;
  /** Tries made. */
  readonly attempts: number;
  /** Response flags so far. Absent: none. */
  readonly raised?: string | undefined;
}

/**
 * The headers after the rule's changes, with the cross-origin ones set. Envoy's commands that only the one who
 * carries the request can answer are answered now; one that nothing is known of gives nothing.
 *
 * Source: Envoy `source/common/router/header_parser.cc` (evaluateHeaders).
 */
export function changeResponseHeaders(
  headers: HeaderList,
  operations: readonly HeaderOperation[],
  cors: HeaderList,
  facts: ResponseFacts,
): HeaderList {
  const changed = applyHeaderOperations(headers, operations, { ...facts, details: 'via_upstream' });
  if (cors.length === 0) return changed;
  const names = new Set(cors.map(([name]) => name));
  return [...changed.filter(([name]) => !names.has(name)), ...cors];
}
