/** Envoy's changes to headers -> the table's. Imports the generated messages and the table's types. */
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
} from '../../gen/envoy/config/core/v3/base_pb.ts';
import { byteText } from '../table/byte-text.ts';
import type { HeaderOperation } from '../table/decision.ts';
import { XdsRefusal } from './refusal.ts';

/**
 * Removals, then what is set, then what is added: the order in which Envoy applies the two lists.
 *
 * Source: Envoy `source/common/router/header_parser.cc` (HeaderParser::evaluateHeaders).
 */
export function readHeaderOperations(
  removed: readonly string[],
  added: readonly HeaderValueOption[],
): readonly HeaderOperation[] {
  if (removed.length === 0 && added.length === 0) return [];
  const changes = added.map((option) => {
    const { header } = option;
    return {
      kind: kindOf(option),
      name: (header?.key ?? '').toLowerCase(),
      value: byteText(header?.value ?? ''),
    };
  });
  return [
    ...removed.map((name): HeaderOperation => ({ kind: 'remove', name: name.toLowerCase() })),
    ...changes.filter(({ kind }) => kind === 'set'),
    ...changes.filter(({ kind }) => kind === 'add'),
  ];
}

function kindOf({ header, append, appendAction }: HeaderValueOption): 'set' | 'add' {
  switch (appendAction) {
    case AppendAction.OVERWRITE_IF_EXISTS_OR_ADD:
      return 'set';
    case AppendAction.APPEND_IF_EXISTS_OR_ADD:
      return append === false ? 'set' : 'add';
    default:
      throw new XdsRefusal(`headers: append_action ${appendAction} of "${header?.key}" is not understood`);
  }
}
