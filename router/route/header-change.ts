/**
 * A rule's and a destination's changes to headers, made ready: most have values that no request changes, and
 * are carried over as they stand. Imports table types.
 */
import type { HeaderOperation } from '../table/decision.ts';
import { compileTemplates, evaluate, type FormatContext, type HeaderTemplate } from './format.ts';

/** A list of changes. */
export interface HeaderChanges {
  readonly templates: readonly HeaderTemplate[];
  /** The changes themselves, where no value is a format string. */
  readonly fixed: readonly HeaderOperation[] | undefined;
}

/** Parses the values of a list. */
export function prepareChanges(operations: readonly HeaderOperation[]): HeaderChanges {
  const templates = compileTemplates(operations);
  return { templates, fixed: templates.some(({ format }) => format) ? undefined : operations };
}

/** The changes with their values made. */
export function changesOf(
  { fixed, templates }: HeaderChanges,
  context: FormatContext,
): readonly HeaderOperation[] {
  return fixed ?? evaluate(templates, context);
}
