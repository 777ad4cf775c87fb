/** Collects what has no effect while compiling. Imports issues and the resource type. */
import type { Issue, IssueCode } from '../issue.ts';
import type { FieldPath, Resource } from '../schema/resource.ts';

/** The findings of one compilation. */
export interface Report {
  readonly issues: readonly Issue[];
  /** A resource is taken, but something in it does nothing or not what it seems. */
  warn(resource: Resource, path: FieldPath, code: IssueCode, message: string): void;
}

/** An empty report. */
export function createReport(): Report {
  const issues: Issue[] = [];
  return {
    issues,
    warn(resource, path, code, message) {
      const { kind, metadata, source } = resource;
      const place = source?.position(path);
      issues.push({
        code,
        severity: 'warning',
        message,
        path,
        resource: { kind, namespace: metadata.namespace, name: metadata.name },
        ...(source && place && { file: source.file, ...place, excerpt: source.line(place.line) }),
      });
    },
  };
}
