/**
 * Resources to valid resources: schema, then Istio's rules, then names claimed twice. A resource with an
 * error is left out and the others stay. Imports the schema and the rules.
 */
import { byPlace, type Issue } from '../issue.ts';
import type { RefusedResource } from '../parse/resource.ts';
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

/** One resource checked by itself. */
export interface CheckedResource {
  readonly resource: Resource;
  /** With its canonical spec; absent where there are errors. */
  readonly valid?: ValidResource;
  readonly findings: readonly Finding[];
  /** The findings with their places, in their order. */
  readonly issues: readonly Issue[];
}

/** Checks resources as `istioctl validate` does, and that no two of them have one name. Never throws for bad input. */
export function validate(resources: readonly Resource[], options: ValidateOptions = {}): ValidateResult {
  const { add, result } = joinResources();
  for (const resource of resources) add(checkOne(resource, options));
  return result;
}

/**
 * One resource's part of {@link validate}.
 * @param previous What was said of the resource when it was read before, from the same text: of the same object it
 * is given again, of one that has moved within the text only the places are found anew.
 */
export function checkOne(
  resource: Resource,
  options: ValidateOptions = {},
  previous?: CheckedResource,
): CheckedResource {
  if (previous?.resource === resource) return previous;
  if (
    previous !== undefined &&
    typeof resource.spec === 'object' &&
    previous.resource.spec === resource.spec
  ) {
    const { valid, findings } = previous;
    const moved = valid && ({ ...resource, spec: valid.spec } as ValidResource);
    return { resource, ...(moved && { valid: moved }), findings, issues: placed(findings, resource) };
  }
  const { findings, checked } = check(resource, options);
  const fine = checked !== undefined && !findings.some(({ severity }) => severity === 'error');
  return { resource, ...(fine && { valid: checked }), findings, issues: placed(findings, resource) };
}

/** The other part of {@link validate}: resources put together one after the other. */
export interface JoinedResources {
  /** Takes the next resource; the second of one name is refused. */
  add(checked: CheckedResource): void;
  /** Of what was added so far; grows with more. */
  readonly result: ValidateResult;
}

/** Puts checked resources together. */
export function joinResources(): JoinedResources {
  const resources: ValidResource[] = [];
  const issues: Issue[] = [];
  const first = new Map<string, Resource>();
  return {
    result: { resources, issues },
    add(checked) {
      const { resource, valid } = checked;
      const key = resourceKey(resource);
      const earlier = first.get(key);
      if (earlier === undefined) {
        first.set(key, resource);
        issues.push(...checked.issues);
        if (valid !== undefined) resources.push(valid);
        return;
      }
      const duplicate: Finding = {
        code: 'duplicate-resource',
        severity: 'error',
        message: duplicateMessage(resource, earlier),
        path: ['metadata', 'name'],
      };
      issues.push(...[...checked.issues, issueOf(duplicate, resource)].sort(byPlace));
    },
  };
}

/**
 * What is wrong with a resource's spec besides what refused it already, so that all is told at once. Of one whose
 * values could not all be read, only what its fields' names and types say.
 */
export function faultsOf({ resource, partial }: RefusedResource, options: ValidateOptions = {}): Issue[] {
  const { kind, spec } = resource;
  if (!partial || !isKind(kind)) return [...checkOne(resource, options).issues];
  return placed(readSpec(kind, spec, options.unknownFields ?? 'error').findings, resource);
}

function placed(findings: readonly Finding[], resource: Resource): Issue[] {
  return findings.map((finding) => issueOf(finding, resource)).sort(byPlace);
}

/** `checked` is the resource with its canonical spec, if the spec could be read. */
function check(
  resource: Resource,
  options: ValidateOptions,
): { findings: readonly Finding[]; checked?: ValidResource } {
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
  if (spec === undefined) return { findings };
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

function duplicateMessage(resource: Resource, earlier: Resource): string {
  const path: FieldPath = ['metadata', 'name'];
  const place =
    earlier.source === undefined
      ? ''
      : ` in ${earlier.source.file}, line ${earlier.source.position(path).line}`;
  const { namespace, name } = resource.metadata;
  return `Cannot have ${resource.kind} "${name}" of namespace "${namespace}" twice: the first one${place} is taken`;
}
