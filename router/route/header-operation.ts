/** Carries out a rule's changes to headers. Imports table types. */
import type { HeaderOperation } from '../table/decision.ts';
import type { HeaderList } from '../table/request.ts';
import { formatLate, type ResponseOutcome } from './format.ts';
import { addHeader, setHeader } from './header.ts';

/**
 * The headers after the operations, one after the other: lists are already in Envoy's order. An empty value
 * does nothing. Of a response give what became of it, for values that tell it.
 *
 * Source: Envoy `source/common/router/header_parser.cc` (HeaderParser::evaluateHeaders).
 */
export function applyHeaderOperations(
  headers: HeaderList,
  operations: readonly HeaderOperation[],
  outcome?: ResponseOutcome,
): HeaderList {
  let out = headers;
  let seen = headers;
  for (const operation of operations) {
    const { kind, name } = operation;
    if (operation.begins) seen = out;
    if (kind === 'remove') {
      out = out.filter((header) => header[0] !== name);
      seen = out;
      continue;
    }
    const value = operation.late && outcome ? formatLate(operation.value, outcome, seen) : operation.value;
    if (value === '') continue;
    out = kind === 'set' ? setHeader(out, name, value) : addHeader(out, name, value, outcome !== undefined);
  }
  return out;
}
