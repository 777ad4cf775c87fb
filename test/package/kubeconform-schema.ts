/**
 * Writes the JSON schemas that kubeconform validates by, of what a real API server and Istio's CRDs say, so that none
 * is fetched: one file a kind, with every definition that it refers to. Unknown fields are refused, as `-strict` wants.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Schema = Readonly<Record<string, unknown>>;

/** What `kubectl get --raw /openapi/v2` answers. */
export interface OpenApi {
  readonly definitions: Readonly<Record<string, Schema>>;
}

/** What `kubectl get crd -o json` answers. */
export interface CustomResourceDefinitions {
  readonly items: readonly {
    readonly spec: {
      readonly group: string;
      readonly names: { readonly kind: string };
      readonly versions: readonly { readonly name: string; readonly schema: { openAPIV3Schema: Schema } }[];
    };
  }[];
}

/**
 * Writes the schemas into a folder, and returns the `-schema-location` that finds them there. A CRD's own schema is
 * taken in place of the server's, which leaves out what OpenAPI 2 cannot say: `oneOf`, `not`.
 */
export function writeSchemas(folder: string, openApi: OpenApi, crds: CustomResourceDefinitions): string {
  mkdirSync(folder, { recursive: true });
  const write = (group: string, version: string, kind: string, schema: Schema) =>
    // Of the core group, kubeconform says the version twice.
    writeFileSync(
      join(folder, `${group || version}_${version}_${kind}.json`.toLowerCase()),
      JSON.stringify(schema),
    );
  for (const [name, definition] of Object.entries(openApi.definitions)) {
    const kinds = definition['x-kubernetes-group-version-kind'] as
      | readonly Record<string, string>[]
      | undefined;
    // Options of a call are of every group: not what anybody writes in a file.
    if (kinds?.length !== 1) continue;
    const definitions = Object.fromEntries(
      [...reachable(openApi, name)].map((each) => [each, closed(openApi.definitions[each]!)]),
    );
    const { group, version, kind } = kinds[0] as { group: string; version: string; kind: string };
    write(group, version, kind, { $ref: `#/definitions/${name}`, definitions });
  }
  for (const { spec } of crds.items)
    for (const { name, schema } of spec.versions)
      write(spec.group, name, spec.names.kind, closed(withObjectFields(schema.openAPIV3Schema)));
  return join(folder, '{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json');
}

/** A definition and all that it refers to. */
function reachable({ definitions }: OpenApi, name: string): Set<string> {
  const found = new Set([name]);
  for (const each of found)
    for (const [, next] of JSON.stringify(definitions[each]).matchAll(/"#\/definitions\/([^"]+)"/g))
      found.add(next!);
  return found;
}

/** Of every object: a CRD says none of these three. */
function withObjectFields(schema: Schema): Schema {
  const own = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };
  return { ...schema, properties: { ...own, ...(schema['properties'] as Schema) } };
}

/** The schema in plain JSON Schema: no field but those it names, null for what is left out, numbers where it allows them. */
function closed(schema: Schema): Schema {
  if (schema['format'] === 'int-or-string' || schema['x-kubernetes-int-or-string'] === true)
    return { type: ['integer', 'string', 'null'] };
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith('x-kubernetes-') || key === 'description' || key === 'format' || key === 'default')
      continue;
    if (key === 'properties') made[key] = mapped(value as Schema);
    else if (key === 'type' && value !== 'object') made[key] = [value, 'null'];
    else if (Array.isArray(value)) made[key] = value.map((each) => (isSchema(each) ? closed(each) : each));
    else made[key] = isSchema(value) ? closed(value) : value;
  }
  // A branch of oneOf speaks of fields that the schema around it names.
  const whole = schema['type'] === 'object' && schema['properties'] !== undefined;
  const open = schema['additionalProperties'] ?? schema['x-kubernetes-preserve-unknown-fields'] ?? !whole;
  if (open === false) made['additionalProperties'] = false;
  return made;
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const mapped = (schemas: Schema): Schema =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, closed(schema as Schema)]));
