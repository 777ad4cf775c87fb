/**
 * Resources changed field by field, along the schema: fields taken away, put in, doubled and given values that
 * other fields have, or that no field has.
 */
import type * as z from 'zod/mini';
import type { Resource } from '../../../router/index.ts';
import { isKind, SPEC_SCHEMAS } from '../../../router/schema/kind.ts';
import type { Draws } from '../route/generate.ts';
import { VALUES } from './material.ts';

/** Values at the edges of what types hold, and of other types. */
const ODD: readonly unknown[] = [
  ...[
    '',
    ' ',
    '*',
    '**',
    '*.',
    '.',
    '/',
    '//',
    '~',
    '-',
    'a'.repeat(70),
    'a'.repeat(2000),
    `${'a.'.repeat(130)}a`,
  ],
  ...[
    'mesh',
    'a/b',
    'a/b/c',
    './x',
    '*/x',
    'é',
    '\u0000',
    '\r\nx: y',
    'x\ty',
    '%',
    '%%',
    '%REQ(x)%',
    '%FOO%',
    '\\1\\9',
  ],
  ...[
    '(',
    '(a',
    '(?=a)',
    '(?i)a',
    '[',
    '[[:foo:]]',
    'a{1001}',
    'a{1,1000}',
    '(a+)+$',
    '(.*)*',
    '\\',
    '\\Q',
    '\\pN',
    '(?P<x>a)',
  ],
  ...[
    '0s',
    '1ms',
    '0.0001s',
    '-1s',
    '1h1h',
    '99999999h',
    '5',
    '1e3s',
    '10.0.0.1',
    '10.0.0.0/8',
    '::1',
    'fe80::1%eth0',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'host',
    ':path',
    'Host',
    'content-length',
    'origin',
  ],
  ...[
    0,
    -0,
    1,
    -1,
    80,
    100,
    101,
    599,
    600,
    65535,
    65536,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e308,
    0.5,
    33.3333,
  ],
  ...[
    Number.NaN,
    Number.POSITIVE_INFINITY,
    true,
    false,
    null,
    [],
    {},
    [[]],
    [null],
    { '': '' },
    [{}],
    { a: { b: { c: {} } } },
  ],
  { ['__proto__']: { polluted: true } },
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'),
];

type Schema = z.ZodMiniType & {
  readonly fields?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly value?: Schema;
};

/** A resource with a few of its fields changed; its own data stay as they are. */
export function mutateResource(draws: Draws, resource: Resource): Resource {
  if (!isKind(resource.kind)) return resource;
  const schema = SPEC_SCHEMAS[resource.kind] as unknown as Schema;
  let spec: unknown = structuredClone(resource.spec);
  for (let changes = 1 + draws.below(4); changes > 0; changes--) spec = change(draws, spec, schema, '', 0);
  const { source: _, ...rest } = resource;
  const { metadata } = rest;
  if (!draws.oneIn(8)) return { ...rest, spec };
  const odd = draws.pick(ODD.filter((value) => typeof value === 'string')) as string;
  const changed = draws.oneIn(2) ? { namespace: odd } : { name: odd, creationTimestamp: odd };
  return { ...rest, spec, metadata: { ...metadata, ...changed } };
}

function change(draws: Draws, value: unknown, schema: Schema, name: string, depth: number): unknown {
  if (depth > 0 && draws.oneIn(8)) return replacement(draws, schema, name);
  if (Array.isArray(value)) return changeList(draws, value, schema, name, depth);
  if (typeof value === 'object' && value !== null) return changeMap(draws, value, schema, name, depth);
  return replacement(draws, schema, name);
}

function changeList(
  draws: Draws,
  list: readonly unknown[],
  schema: Schema,
  name: string,
  depth: number,
): unknown {
  const element = schema.element ?? schema;
  const at = draws.below(list.length + 1);
  const kind = draws.below(6);
  if (at === list.length || kind === 0)
    return list.toSpliced(at, 0, replacement(draws, element, name, depth));
  if (kind === 1) return list.toSpliced(at, 1);
  if (kind === 2)
    return list.toSpliced(
      at,
      0,
      ...Array.from({ length: 1 + draws.below(4) }, () => structuredClone(list[at])),
    );
  return list.with(at, change(draws, list[at], element, name, depth + 1));
}

function changeMap(draws: Draws, map: object, schema: Schema, name: string, depth: number): unknown {
  const entries = Object.entries(map);
  const known = Object.keys(schema.fields ?? {});
  const kind = draws.below(5);
  if (entries.length === 0 || kind === 0) {
    const key = known.length > 0 && !draws.oneIn(20) ? draws.pick(known) : draws.pick(KEYS);
    const field = fieldOf(schema, key);
    return fromEntries([
      ...entries.filter(([each]) => each !== key),
      [key, replacement(draws, field, key, depth)],
    ]);
  }
  const at = draws.below(entries.length);
  const [key, value] = entries[at]!;
  if (kind === 1) return fromEntries(entries.toSpliced(at, 1));
  const field = fieldOf(schema, key);
  return fromEntries(
    entries.with(at, [key, change(draws, value, field, schema.value ? name : key, depth + 1)]),
  );
}

/** The schema below a key; keys that nobody foresaw get the map's own. */
function fieldOf(schema: Schema, key: string): Schema {
  if (schema.fields && Object.hasOwn(schema.fields, key)) return schema.fields[key]!;
  return schema.value ?? schema;
}

const KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'x-a',
  'X-A',
  ':authority',
  'host',
  'per_try_timeout',
  '',
  'é',
  'a b',
];

/** As YAML's reader makes maps: `__proto__` is a key like any other. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) result[key] = value;
  return result;
}

/** Mostly a value that the schema takes: one of the recorded ones, or one made along the schema. */
function replacement(draws: Draws, schema: Schema, name: string, depth = 0): unknown {
  const recorded = VALUES.get(name);
  if (recorded && draws.oneIn(2)) {
    const value = draws.pick(recorded);
    if (schema.safeParse(value).success) return structuredClone(value);
  }
  if (depth > 12 || draws.oneIn(60)) return structuredClone(draws.pick(ODD));
  if (schema.fields) {
    const fields = Object.entries(schema.fields).filter(() => draws.oneIn(6));
    return fromEntries(fields.map(([field, type]) => [field, replacement(draws, type, field, depth + 1)]));
  }
  if (schema.element) {
    const { element } = schema;
    return Array.from({ length: draws.below(4) }, () => replacement(draws, element, name, depth + 1));
  }
  if (schema.value) {
    const { value } = schema;
    const keys = Array.from({ length: draws.below(3) }, () => draws.pick(KEYS));
    return fromEntries(keys.map((key) => [key, replacement(draws, value, name, depth + 1)]));
  }
  for (let tries = 0; tries < 40; tries++) {
    const value = draws.pick(ODD);
    if (schema.safeParse(value).success) return value;
  }
  return draws.pick(ODD);
}
