/** What a rule changes in an upstream's response. Imports the router's header operations. */
import { applyHeaderOperations } from '../../router/route/index.ts';
import type { HeaderOperation } from '../../router/table/decision.ts';
import type { HeaderList } from '../../router/table/request.ts';

/** What the values of operations may still ask for. */
export interface ResponseFacts {
  readonly status: number;
  /** As the upstream sent them. */
  readonly headers: HeaderList;
  /** `10.0.0.1:8080`. */
  readonly upstreamHost: string;
  readonly cluster: string;
}

/**
 * The headers after the rule's changes, with the cross-origin ones set. Envoy's commands that only the one who
 * carries the request can answer are answered here; one that nothing is known of gives nothing.
 *
 * Source: Envoy `source/common/router/header_parser.cc` (evaluateHeaders).
 */
export function changeResponseHeaders(
  headers: HeaderList,
  operations: readonly HeaderOperation[],
  cors: HeaderList,
  facts: ResponseFacts,
): HeaderList {
  const ready = operations.map((operation) =>
    operation.kind === 'remove' || !operation.value.includes('%')
      ? operation
      : { ...operation, value: fillIn(operation.value, facts) },
  );
  const changed = applyHeaderOperations(headers, ready);
  if (cors.length === 0) return changed;
  const names = new Set(cors.map(([name]) => name));
  return [...changed.filter(([name]) => !names.has(name)), ...cors];
}

const COMMAND = /%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%/g;

function fillIn(value: string, facts: ResponseFacts): string {
  return value.replace(COMMAND, (raw, name: string, argument: string | undefined) => {
    switch (name) {
      case 'RESPONSE_CODE':
        return `${facts.status}`;
      case 'UPSTREAM_HOST':
        return facts.upstreamHost;
      case 'UPSTREAM_CLUSTER':
        return facts.cluster;
      case 'RESP': {
        const wanted = argument?.toLowerCase();
        return facts.headers.find(([header]) => header === wanted)?.[1] ?? '';
      }
      case 'RESPONSE_FLAGS':
        return '-';
      default:
        return KNOWN_TO_NOBODY.test(name) ? '' : raw;
    }
  });
}

/** Envoy's commands for what a gateway without TLS, bytes counted and filters has no value for. */
const KNOWN_TO_NOBODY =
  /^(DOWNSTREAM|UPSTREAM|START_TIME|HOSTNAME|DYNAMIC_METADATA|FILTER_STATE|PER_REQUEST_STATE|STREAM_ID|RESPONSE|REQUEST|BYTES|DURATION|CONNECTION)/;
