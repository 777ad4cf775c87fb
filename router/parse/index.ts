/**
 * Text to resources: YAML or JSON, many documents, lists opened, each field's place kept. Never throws for
 * bad input, and what is wrong with one document leaves the others alone. Imports the yaml library.
 */
import type { Issue } from '../issue.ts';
import type { Resource } from '../schema/resource.ts';
import { readDocuments } from './document.ts';
import { readResources } from './resource.ts';

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
  /** In the order of their places. */
  readonly issues: Issue[];
}

/**
 * Reads a text of YAML documents (or JSON) as `kubectl apply` takes them. Documents without text are passed
 * over; kinds that do not route get a warning. Texts above 8 MiB are refused.
 */
export function parse(text: string | Uint8Array, options: ParseOptions = {}): ParseResult {
  const { documents, issues } = readDocuments(text, options.file ?? '-');
  const resources: Resource[] = [];
  for (const document of documents) {
    issues.push(...document.issues);
    if (document.issues.length > 0) continue;
    const found = readResources(document.value, document.source, {
      defaultNamespace: options.defaultNamespace ?? 'default',
      unknownFields: options.unknownFields ?? 'error',
    });
    resources.push(...found.resources);
    issues.push(...found.issues);
  }
  return { resources, issues };
}
