/**
 * Text to resources: YAML or JSON, many documents, lists opened, each field's place kept. Never throws for
 * bad input, and what is wrong with one document leaves the others alone. Imports the yaml library.
 */
import type { Issue } from '../issue.ts';
import type { Resource } from '../schema/resource.ts';
import { readDocuments, readParts, sizeIssue, type TextPart, type YamlDocument } from './document.ts';
import { type RefusedResource, readResources } from './resource.ts';

export type { RefusedResource } from './resource.ts';

/** See {@link parse}. */
export interface ParseOptions {
  /** Name of the text in places and issues. Default `-`. */
  readonly file?: string;
  /** Namespace of resources that name none. Default `default`. */
  readonly defaultNamespace?: string;
  /** What an unknown field beside `spec` is. Default `error`; `warning` suits what a cluster has taken. */
  readonly unknownFields?: 'error' | 'warning';
}

/** What a text holds. */
export interface ParseResult {
  /** Resources of our kinds whose envelope is right, in the order written; the spec is as written. */
  readonly resources: Resource[];
  /** Those with an error already, for `faultsOf` to find all others. */
  readonly refused: RefusedResource[];
  /** In the order of their places. */
  readonly issues: Issue[];
}

/** What stands between two separators of a text, kept for the next reading of it. */
export interface ParsedPart extends Readonly<ParseResult> {
  /** As written: what finds the part again. */
  readonly text: string;
  readonly part: TextPart;
}

/**
 * Reads a text of YAML documents (or JSON) as `kubectl apply` takes them. Documents without text are passed
 * over; kinds that do not route get a warning. Texts above 8 MiB are refused.
 */
export function parse(text: string | Uint8Array, options: ParseOptions = {}): ParseResult {
  const { documents, issues } = readDocuments(text, options.file ?? '-');
  const { resources, refused, issues: found } = resourcesOf(documents, options);
  return { resources, refused, issues: [...issues, ...found] };
}

/**
 * {@link parse} part by part, for texts that are read again as they change, or while others wait. Yields undefined
 * now and then while a long part is being read; a text that is too large has one part, which says so.
 * @param known Parts of an earlier reading with the same options, by their text. One that stands where it stood is
 * given again as the same object, so that its resources can be told to be the same.
 */
export function* parseParts(
  text: string | Uint8Array,
  options: ParseOptions = {},
  known?: ReadonlyMap<string, ParsedPart>,
): Generator<ParsedPart | undefined> {
  const file = options.file ?? '-';
  const issue = sizeIssue(text.length, file);
  if (issue !== undefined) {
    yield {
      text: '',
      part: { text: '', line: 1, documents: [] },
      resources: [],
      refused: [],
      issues: [issue],
    };
    return;
  }
  const partOf = (key: string) => known?.get(key)?.part;
  for (const part of readParts(text, file, partOf)) {
    if (part === undefined) {
      yield undefined;
      continue;
    }
    const earlier = known?.get(part.text);
    yield earlier?.part === part
      ? earlier
      : { text: part.text, part, ...resourcesOf(part.documents, options) };
  }
}

function resourcesOf(
  documents: readonly YamlDocument[],
  { defaultNamespace = 'default', unknownFields = 'error' }: ParseOptions,
): ParseResult {
  const result: ParseResult = { resources: [], refused: [], issues: [] };
  for (const document of documents) {
    const found = readResources(document, { defaultNamespace, unknownFields });
    result.resources.push(...found.resources);
    result.refused.push(...found.refused);
    result.issues.push(...found.issues);
  }
  return result;
}
