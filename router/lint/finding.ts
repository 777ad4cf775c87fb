/** How lint tells what it found: warnings with a place, and where it helps a request. Imports issues and the resource type. */
import type { Issue, IssueCode } from '../issue.ts';
import type { FieldPath, ResourceMetadata, ResourceSource } from '../schema/resource.ts';

/** What a finding is about: a resource, or what is known of one. */
export interface Subject {
  readonly kind: string;
  readonly metadata: ResourceMetadata;
  readonly source?: ResourceSource;
}

/** A warning about a place of a resource. */
export function warning(
  { kind, metadata, source }: Subject,
  path: FieldPath,
  code: IssueCode,
  message: string,
  example?: string,
): Issue {
  const place = source?.position(path);
  return {
    code,
    severity: 'warning',
    message,
    path,
    resource: { kind, namespace: metadata.namespace, name: metadata.name },
    ...(source && place && { file: source.file, ...place, excerpt: source.line(place.line) }),
    ...(example !== undefined && { example }),
  };
}

/** `VirtualService 'default/reviews'`. */
export function nameOf({ kind, metadata }: Subject): string {
  return `${kind} '${metadata.namespace}/${metadata.name}'`;
}

/** `a`, `a and b`, `a, b and c`; from the eighth on they are counted. */
export function listed(names: readonly string[]): string {
  const shown =
    names.length > MAX_LISTED ? [...names.slice(0, MAX_LISTED), `${names.length - MAX_LISTED} more`] : names;
  return shown.length < 2 ? shown.join() : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

const MAX_LISTED = 7;
