/**
 * Resources to valid resources: schema, then Istio's rules, then names claimed twice. A resource with an
 * error is left out and the others stay. Imports the schema and the rules.
 */
import type { Issue } from '../issue.ts';
import { API_GROUP, isKind, type ValidResource } from '../schema/kind.ts';
import { type FieldPath, type Resource, resourceKey } from '../schema/resource.ts';
import { readSpec } from './field.ts';
import { checkResource } from './rule.ts';
import type { Finding } from './spot.ts';

/** See {@link validate}. */
export interface ValidateOptions {
  /** What an unknown field in a spec is. Default `error`; `warning` passes it over, which suits what a cluster has taken. */
  readonly unknownFields?: 'error' | 'warning';
}

/** See {@link validate}. */
export interface ValidateResult {
  /** Resources without errors, in the order given; specs are canonical: proto names, numbers as text and nulls are gone. */
  readonly resources: ValidResource[];
  /** In the order of the resources and of their places. */
  readonly issues: Issue[];
}

/** Checks resources as `istioctl validate` does, and that no two of them have one name. Never throws for bad input. */
export function validate(resources: readonly Resource[], options: ValidateOptions = {}): ValidateResult {
  const valid: ValidResource[] = [];
  const issues: Issue[] = [];
  const first = new Map<string, Resource>();
  for (const resource of resources) {
    const { findings, checked } = check(resource, options);
    const key = resourceKey(resource);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, resource);
    else
      findings.push({
        code: 'duplicate-resource',
        severity: 'error',
        message: duplicateMessage(resource, earlier),
        path: ['metadata', 'name'],
      });
    issues.push(...findings.map((finding) => issueOf(finding, resource)).sort(byPlace));
    if (checked !== undefined && !findings.some(({ severity }) => severity === 'error')) valid.push(checked);
  }
  return { resources: valid, issues };
}

/** `checked` is the resource with its canonical spec, if the spec could be read. */
function check(
  resource: Resource,
  options: ValidateOptions,
): { findings: Finding[]; checked?: ValidResource } {
  const { kind } = resource;
  if (!isKind(kind)) {
    return {
      findings: [
        {
          code: 'unknown-kind',
          severity: 'error',
          message: `Unknown kind "${kind}" in ${API_GROUP}`,
          path: ['kind'],
        },
      ],
    };
  }
  const { spec, findings } = readSpec(kind, resource.spec, options.unknownFields ?? 'error');
  if (spec === undefined) return { findings: [...findings] };
  return {
    findings: [...findings, ...checkResource(kind, spec, resource.metadata)],
    checked: { ...resource, kind, spec } as ValidResource,
  };
}

/** A finding with its place in the text. */
export function issueOf(finding: Finding, resource: Resource): Issue {
  const { part, ...issue } = finding;
  const { kind, metadata, source } = resource;
  const subject = { kind, namespace: metadata.namespace, name: metadata.name };
  if (source === undefined) return { ...issue, resource: subject };
  const { line, column } = source.position(issue.path, part);
  return { ...issue, file: source.file, line, column, resource: subject, excerpt: source.line(line) };
}

function byPlace(one: Issue, other: Issue): number {
  return (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0);
}

function duplicateMessage(resource: Resource, earlier: Resource): string {
  const path: FieldPath = ['metadata', 'name'];
  const place =
    earlier.source === undefined
      ? ''
      : ` in ${earlier.source.file}, line ${earlier.source.position(path).line}`;
  const { namespace, name } = resource.metadata;
  return `Cannot have ${resource.kind} "${name}" of namespace "${namespace}" twice: the first one${place} is taken`;
}
