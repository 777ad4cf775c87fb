/**
 * A spec as written against its schema: the canonical spec, or every field that is unknown or of the wrong
 * type. Imports zod's issue types and the schemas.
 */
import type * as z from 'zod/mini';
import type { IssueCode } from '../issue.ts';
import { nearest } from '../parse/suggestion.ts';
import { type Kind, SPEC_SCHEMAS, type SpecByKind } from '../schema/kind.ts';
import { type FieldProblem, typeName } from '../schema/proto-json.ts';
import type { FieldPath } from '../schema/resource.ts';
import type { Finding } from './spot.ts';

/** A spec read by its schema; `spec` is absent when there are errors. */
export interface ReadSpec<K extends Kind> {
  readonly spec?: SpecByKind[K];
  /** Paths begin at the resource. */
  readonly findings: readonly Finding[];
}

/**
 * Reads a spec by its kind's schema.
 * @param unknownFields `warning` passes them over.
 */
export function readSpec<K extends Kind>(
  kind: K,
  value: unknown,
  unknownFields: 'error' | 'warning',
): ReadSpec<K> {
  const schema: z.ZodMiniType = SPEC_SCHEMAS[kind];
  const first = schema.safeParse(value, { reportInput: true });
  if (first.success) return { spec: first.data as SpecByKind[K], findings: [] };
  const findings = findingsOf(schema, first.error.issues, unknownFields);
  if (findings.some(({ severity }) => severity === 'error')) return { findings };
  const second = schema.safeParse(
    without(
      value,
      findings.map(({ path }) => path.slice(1)),
    ),
  );
  return second.success ? { spec: second.data as SpecByKind[K], findings } : { findings };
}

function findingsOf(
  schema: z.ZodMiniType,
  issues: readonly z.core.$ZodIssue[],
  unknownFields: 'error' | 'warning',
): Finding[] {
  const findings: Finding[] = [];
  for (const issue of issues) {
    const path: FieldPath = ['spec', ...(issue.path as FieldPath)];
    if (issue.code === 'unrecognized_keys') {
      const known = fieldNames(schemaAt(schema, issue.path as FieldPath));
      for (const key of issue.keys) {
        const meant = nearest(key, known);
        const hint = meant === undefined ? '' : `: did you mean "${meant}"?`;
        findings.push({
          code: 'unknown-field',
          severity: unknownFields,
          message: `Unknown field ${JSON.stringify(key)}${hint}`,
          path: [...path, key],
          part: 'key',
        });
      }
      continue;
    }
    const { code, message } = describe(issue);
    findings.push({ code, severity: 'error', message, path });
  }
  return findings;
}

function describe(issue: z.core.$ZodIssue): { code: IssueCode; message: string } {
  if (issue.code === 'custom') {
    const code = (issue.params as { code?: FieldProblem } | undefined)?.code ?? 'wrong-type';
    return { code, message: issue.message };
  }
  if (issue.code === 'invalid_type') {
    const want =
      issue.expected === 'array' ? 'a list' : issue.expected === 'object' ? 'a map' : issue.expected;
    return { code: 'wrong-type', message: `Expected ${want}, got ${typeName(issue.input)}` };
  }
  return { code: 'wrong-type', message: issue.message };
}

type Walkable = z.ZodMiniType & {
  fields?: Readonly<Record<string, z.ZodMiniType>>;
  element?: z.ZodMiniType;
  value?: z.ZodMiniType;
};

function schemaAt(schema: z.ZodMiniType, path: FieldPath): z.ZodMiniType | undefined {
  let current: Walkable | undefined = schema;
  for (const step of path)
    current = typeof step === 'number' ? current?.element : (current?.fields?.[step] ?? current?.value);
  return current;
}

function fieldNames(schema: z.ZodMiniType | undefined): readonly string[] {
  return Object.keys((schema as Walkable | undefined)?.fields ?? {});
}

/** A copy of a value without the fields at the given paths. */
function without(value: unknown, paths: readonly FieldPath[]): unknown {
  if (paths.length === 0 || typeof value !== 'object' || value === null) return value;
  const inside = (step: string | number): readonly FieldPath[] =>
    paths.filter(([first]) => first === step).map((path) => path.slice(1));
  if (Array.isArray(value)) return value.map((entry, index) => without(entry, inside(index)));
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of Object.entries(value)) {
    const paths = inside(key);
    if (!paths.some((path) => path.length === 0)) result[key] = without(entry, paths);
  }
  return result;
}
