/** Envoy's format commands: `%REQ(x-user)%`, `%PROTOCOL%`. Imports nothing. */

/**
 * A command, or the `%%` that stands for one percent sign. Groups: name, argument, length.
 *
 * Source: Envoy `source/common/formatter/substitution_formatter.cc` (SubstitutionFormatParser).
 */
export const FORMAT_COMMAND = /%%|%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%/g;
