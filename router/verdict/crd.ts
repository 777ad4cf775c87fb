/**
 * What a Kubernetes API server with Istio's resource definitions says of one document: unknown fields,
 * metadata, the schema, and then its CEL rules. Imports the schemas as data.
 * Source: k8s.io/apiextensions-apiserver pkg/apiserver (schema/pruning, schema/defaulting, validation, schema/cel)
 */
import { isFields } from '../parse/resource.ts';
import { nearest } from '../parse/suggestion.ts';
import { API_GROUP, API_VERSIONS } from '../schema/kind.ts';
import { typeName } from '../schema/proto-json.ts';
import { type Finding, quote, type Spot, spot } from '../validate/spot.ts';
import { checkMetadata } from './crd-metadata.ts';
import { breaksRule } from './crd-rule.ts';
import { CRD_NODES, CRD_ROOTS } from './crd-schema.ts';

/** The API server's verdict. */
export interface CrdVerdict {
  readonly valid: boolean;
  readonly findings: readonly Finding[];
}

/** One node of a schema; children by their number. */
export interface CrdNode {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';
  readonly format?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, number>>;
  readonly additionalProperties?: number;
  readonly items?: number;
  readonly oneOf?: readonly Alternative[];
  readonly allOf?: readonly { readonly oneOf?: readonly Alternative[] }[];
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

/** Which fields of an object are there. */
interface Alternative {
  readonly required?: readonly string[];
  readonly not?: { readonly anyOf: readonly Alternative[] };
}

type Fields = Readonly<Record<string, unknown>>;

let parsed: readonly CrdNode[] | undefined;

/** The node of a number in {@link CRD_ROOTS} or in another node. */
export function crdNode(number: number): CrdNode {
  parsed ??= CRD_NODES.split('\n').map((line) => JSON.parse(line) as CrdNode);
  return parsed[number]!;
}

/** The API server's verdict on a document's value; undefined for kinds that it has no definition of. */
export function crdVerdict(value: unknown): CrdVerdict | undefined {
  if (!isFields(value) || typeof value['kind'] !== 'string' || typeof value['apiVersion'] !== 'string')
    return undefined;
  const [group, version] = value['apiVersion'].split('/');
  if (group !== API_GROUP || !Object.hasOwn(CRD_ROOTS, value['kind'])) return undefined;
  const findings: Finding[] = [];
  const root = spot((finding) => findings.push(finding), []);
  if (!API_VERSIONS.some((known) => known === version)) {
    root
      .at('apiVersion')
      .error('cluster-refuses', `No such version of ${value['kind']}: ${quote(value['apiVersion'])}`);
    return { valid: false, findings };
  }
  const schema = crdNode(CRD_ROOTS[value['kind']]!);
  // The server keeps the status apart and drops it here.
  const { apiVersion: _version, kind: _kind, metadata, status: _status, ...rest } = value;
  checkMetadata(metadata, root.at('metadata'));
  const body = withoutNulls(rest, schema);
  checkUnknown(body, schema, root);
  checkValue(body, schema, root);
  // Rules are looked at only where the schema holds.
  if (findings.length === 0) checkRules(body, schema, root);
  return { valid: findings.length === 0, findings };
}

/** A null in a field is as good as no field, unless the field may be null; in a list it stays. */
function withoutNulls(value: unknown, schema: CrdNode | undefined): unknown {
  if (Array.isArray(value)) return value.map((entry) => withoutNulls(entry, childOf(schema?.items)));
  if (!isFields(value)) return value;
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, entry] of Object.entries(value)) {
    const child = fieldOf(schema, key);
    if (entry === null && child !== undefined && child.nullable !== true) continue;
    result[key] = withoutNulls(entry, child);
  }
  return result;
}

function checkUnknown(value: unknown, schema: CrdNode | undefined, here: Spot): void {
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) checkUnknown(entry, childOf(schema?.items), here.at(index));
  } else if (isFields(value)) {
    for (const [key, entry] of Object.entries(value)) {
      const child = fieldOf(schema, key);
      if (child !== undefined) checkUnknown(entry, child, here.at(key));
      else unknownField(key, Object.keys(schema?.properties ?? {}), here.at(key));
    }
  }
}

function unknownField(key: string, known: readonly string[], here: Spot): void {
  const meant = nearest(key, known);
  here.error(
    'cluster-refuses',
    `Unknown field ${quote(key)}${meant === undefined ? '' : `: did you mean "${meant}"?`}`,
    'key',
  );
}

function checkValue(value: unknown, schema: CrdNode, here: Spot): void {
  if (value === null && schema.nullable === true) return;
  const problem = typeProblem(value, schema);
  if (problem !== undefined) {
    here.error('cluster-refuses', `Expected ${problem} in ${here}, got ${typeName(value)}`);
    return;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value))
    here.error(
      'cluster-refuses',
      `Unknown value ${quote(String(value))} in ${here}: expected one of ${schema.enum.join(', ')}`,
    );
  if (typeof value === 'number') checkNumber(value, schema, here);
  if (typeof value === 'string') checkText(value, schema, here);
  if (Array.isArray(value)) checkList(value, schema, here);
  else if (isFields(value)) checkFields(value, schema, here);
}

/** What is expected, if the value is something else. */
function typeProblem(value: unknown, { type }: CrdNode): string | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? undefined : 'text';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'number':
      return typeof value === 'number' ? undefined : 'a number';
    case 'integer':
      return Number.isInteger(value) ? undefined : 'a whole number';
    case 'array':
      return Array.isArray(value) ? undefined : 'a list';
    case 'object':
      return isFields(value) ? undefined : 'a map';
    default:
      return undefined;
  }
}

function checkNumber(value: number, schema: CrdNode, here: Spot): void {
  const [least, most] =
    schema.format === 'int32'
      ? [-2147483648, 2147483647]
      : schema.type === 'integer'
        ? [-(2 ** 63), 2 ** 63]
        : [-Infinity, Infinity];
  const minimum = Math.max(schema.minimum ?? -Infinity, least!);
  const maximum = Math.min(schema.maximum ?? Infinity, most!);
  if (value < minimum || value > maximum)
    here.error(
      'cluster-refuses',
      `The number ${digitsOf(value)} in ${here} is not in the range ${digitsOf(minimum)} to ${digitsOf(maximum)}`,
    );
}

function checkText(value: string, schema: CrdNode, here: Spot): void {
  if (schema.maxLength !== undefined && [...value].length > schema.maxLength)
    here.error('cluster-refuses', `The text in ${here} is longer than ${schema.maxLength} characters`);
  if (
    schema.format === 'byte' &&
    !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/.test(value)
  ) {
    here.error('cluster-refuses', `Cannot read the text in ${here} as base64`);
  }
}

function checkList(value: readonly unknown[], schema: CrdNode, here: Spot): void {
  if (value.length < (schema.minItems ?? 0))
    here.error(
      'cluster-refuses',
      `Expected at least ${schema.minItems} entries in ${here}, got ${value.length}`,
    );
  if (value.length > (schema.maxItems ?? Infinity))
    here.error(
      'cluster-refuses',
      `Expected at most ${schema.maxItems} entries in ${here}, got ${value.length}`,
    );
  const items = childOf(schema.items);
  const keys = schema['x-kubernetes-list-map-keys'];
  const seen = new Set<string>();
  for (const [index, entry] of value.entries()) {
    if (items !== undefined) checkValue(entry, items, here.at(index));
    if (keys === undefined || !isFields(entry)) continue;
    const key = JSON.stringify(keys.map((name) => entry[name] ?? null));
    if (seen.has(key))
      here.at(index).error('cluster-refuses', `Another entry of ${here} has the same ${keys.join(' and ')}`);
    seen.add(key);
  }
}

function checkFields(value: Fields, schema: CrdNode, here: Spot): void {
  for (const name of schema.required ?? []) {
    if (!(name in value))
      here.error(
        'cluster-refuses',
        `Expected ${name} in ${here.path.length === 0 ? 'the resource' : here}, got nothing`,
      );
  }
  const entries = Object.entries(value);
  if (entries.length > (schema.maxProperties ?? Infinity))
    here.error(
      'cluster-refuses',
      `Expected at most ${schema.maxProperties} entries in ${here}, got ${entries.length}`,
    );
  for (const [key, entry] of entries) {
    const child = fieldOf(schema, key);
    if (child !== undefined) checkValue(entry, child, here.at(key));
  }
  for (const alternatives of [schema.oneOf, ...(schema.allOf ?? []).map(({ oneOf }) => oneOf)]) {
    if (alternatives === undefined || alternatives.filter((one) => holds(one, value)).length === 1) continue;
    const names = alternatives.flatMap(({ required }) => required ?? []);
    const set = names.filter((name) => name in value);
    here.error('cluster-refuses', `Cannot have ${set.join(' and ')} together in ${here}: keep one of them`);
  }
}

function holds(alternative: Alternative, value: Fields): boolean {
  if (alternative.not?.anyOf.some((one) => holds(one, value))) return false;
  return (alternative.required ?? []).every((name) => name in value);
}

function checkRules(value: unknown, schema: CrdNode, here: Spot): void {
  if (value === null) return;
  for (const { rule, message } of schema['x-kubernetes-validations'] ?? []) {
    if (breaksRule(rule, value)) here.error('cluster-refuses', `Refused in ${here}: ${message}`);
  }
  if (Array.isArray(value)) {
    const items = childOf(schema.items);
    if (items !== undefined)
      for (const [index, entry] of value.entries()) checkRules(entry, items, here.at(index));
  } else if (isFields(value)) {
    for (const [key, entry] of Object.entries(value)) {
      const child = fieldOf(schema, key);
      if (child !== undefined) checkRules(entry, child, here.at(key));
    }
  }
}

function childOf(number: number | undefined): CrdNode | undefined {
  return number === undefined ? undefined : crdNode(number);
}

function fieldOf(schema: CrdNode | undefined, key: string): CrdNode | undefined {
  const { properties, additionalProperties } = schema ?? {};
  return childOf(
    properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : additionalProperties,
  );
}

/** A whole number with all of its digits. */
function digitsOf(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : String(value);
}
