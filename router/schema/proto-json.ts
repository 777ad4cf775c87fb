/**
 * The building blocks that the schemas are written with: zod types that read JSON the way Istio does, which
 * is more lenient than the API's documentation and stricter than JavaScript. Imports only zod and the
 * duration grammar.
 *
 * What Istio's reader takes (Source: github.com/golang/protobuf jsonpb/decode.go, through which
 * pilot/pkg/config/kube/crd/conversion.go reads every spec):
 * - a field by its JSON name or its proto name (`perTryTimeout`, `per_try_timeout`); the JSON name wins;
 * - null as if the field were not there; in a list or map null is the type's zero value;
 * - numbers also as text (`"50"`); whole numbers without a fraction only;
 * - an enum by its name or its number; of a oneof that is set twice the last one in the proto's order;
 * - unknown fields are refused. No field is required here: what must be present is said by validation.
 */
import * as z from 'zod/mini';
import { parseDuration } from './duration.ts';

/** A field that a valid resource always has, so that its type is not optional. Its absence is found by validation. */
export interface RequiredField<Type extends z.ZodMiniType = z.ZodMiniType> {
  readonly required: Type;
}

type Shape = Readonly<Record<string, z.ZodMiniType | RequiredField>>;
type Fields<S extends Shape> = {
  -readonly [K in keyof S]: S[K] extends RequiredField<infer T>
    ? T
    : S[K] extends z.ZodMiniType
      ? z.ZodMiniOptional<S[K]>
      : never;
};

/** The schema of one proto message; `fields` is for walking over the API, as the support table does. */
export type MessageSchema<S extends Shape> = z.ZodMiniType<
  z.output<z.ZodMiniObject<Fields<S>, z.core.$strip>>
> & {
  readonly fields: Readonly<Record<string, z.ZodMiniType>>;
};

/** A schema for a list, its elements' schema readable. */
export type ListSchema<Element extends z.ZodMiniType> = z.ZodMiniType<z.output<Element>[]> & {
  readonly element: Element;
};

/** A schema for a map with text keys, its values' schema readable. The result has no prototype. */
export type MapSchema<Value extends z.ZodMiniType> = z.ZodMiniType<Record<string, z.output<Value>>> & {
  readonly value: Value;
};

/** Code that an issue of these types carries in `params.code`; `validate` turns it into an issue code. */
export type FieldProblem = 'wrong-type' | 'out-of-range' | 'unknown-value' | 'bad-duration' | 'bad-base64';

/** Marks a field of {@link message} as present in every valid resource. */
export function required<Type extends z.ZodMiniType>(type: Type): RequiredField<Type> {
  return { required: type };
}

/**
 * An object with the given fields, each optional unless {@link required}.
 * @param oneofs Names of fields of which Istio keeps the last one set, in the proto's order.
 */
export function message<const S extends Shape>(
  shape: S,
  oneofs: readonly (readonly (keyof S & string)[])[] = [],
): MessageSchema<S> {
  const fields: Record<string, z.ZodMiniType> = {};
  for (const [name, type] of Object.entries(shape)) fields[name] = 'required' in type ? type.required : type;
  const names = Object.keys(fields).map((name) => [name, protoName(name)] as const);
  const byProtoName = new Map(names.map(([name, proto]) => [proto, name]));
  const canonical = (input: unknown): unknown => {
    if (input === null) return {};
    if (typeof input !== 'object' || Array.isArray(input)) return input;
    const result: Record<string, unknown> = Object.create(null);
    for (const [key, value] of Object.entries(input)) {
      const name = byProtoName.get(key) ?? key;
      if (name !== key && Object.hasOwn(input, name)) continue;
      // An unknown field stays, null or not, to be refused.
      if (value === null && Object.hasOwn(fields, name)) continue;
      result[name] = value;
    }
    return result;
  };
  const object = z.strictObject(
    Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, z.optional(type)])),
  );
  const read = z.pipe(z.transform(canonical), object);
  const schema =
    oneofs.length === 0
      ? read
      : z.pipe(
          read,
          z.transform((value) => lastOf(value, oneofs)),
        );
  return Object.assign(schema, { fields }) as unknown as MessageSchema<S>;
}

/** Of each group only the last field that is set stays; all of them have been read, as Istio reads them. */
function lastOf(
  value: Record<string, unknown>,
  groups: readonly (readonly string[])[],
): Record<string, unknown> {
  const dropped = groups.flatMap((group) => group.filter((name) => value[name] !== undefined).slice(0, -1));
  return dropped.length === 0
    ? value
    : Object.fromEntries(Object.entries(value).filter(([name]) => !dropped.includes(name)));
}

/** A list; an element that is null becomes the element's zero value. */
export function list<Element extends z.ZodMiniType>(element: Element): ListSchema<Element> {
  return Object.assign(z.array(element), { element }) as unknown as ListSchema<Element>;
}

/** A map from the user's own keys, kept as data whatever they are called (`__proto__` too). */
export function map<Value extends z.ZodMiniType>(value: Value): MapSchema<Value> {
  const schema = z.transform((input, context) => {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) {
      context.issues.push(problem(input, 'wrong-type', `Expected a map, got ${typeName(input)}`));
      return z.NEVER;
    }
    const result: Record<string, unknown> = Object.create(null);
    for (const [key, entry] of Object.entries(input)) {
      const parsed = value.safeParse(entry);
      if (parsed.success) result[key] = parsed.data;
      else
        for (const issue of parsed.error.issues)
          context.issues.push({ ...issue, input: entry, path: [key, ...issue.path] } as z.core.$ZodRawIssue);
    }
    return result;
  });
  return Object.assign(schema, { value }) as unknown as MapSchema<Value>;
}

/** Text. */
export function text(): z.ZodMiniType<string> {
  return z.transform((input, context) => {
    if (typeof input === 'string') return input;
    if (input === null) return '';
    context.issues.push(
      problem(input, 'wrong-type', `Expected text, got ${typeName(input)}${quoteHint(input)}`),
    );
    return z.NEVER;
  });
}

/** True or false. */
export function flag(): z.ZodMiniType<boolean> {
  return z.transform((input, context) => {
    if (typeof input === 'boolean') return input;
    if (input === null) return false;
    context.issues.push(problem(input, 'wrong-type', `Expected true or false, got ${typeName(input)}`));
    return z.NEVER;
  });
}

/** A whole number of 32 bits, signed. */
export function int32(): z.ZodMiniType<number> {
  return wholeNumber(-2147483648n, 2147483647n);
}

/** A whole number of 32 bits without sign. */
export function uint32(): z.ZodMiniType<number> {
  return wholeNumber(0n, 4294967295n);
}

/**
 * A whole number of 64 bits without sign; beyond 2^53 it loses its last digits. The greatest ones are to be written as
 * text, as to Istio, whose YAML makes floating-point numbers of them.
 */
export function uint64(): z.ZodMiniType<number> {
  return wholeNumber(0n, 2n ** 64n - 1n);
}

/** Any number. */
export function double(): z.ZodMiniType<number> {
  return z.transform((input, context) => {
    if (typeof input === 'number') return input;
    if (input === null) return 0;
    if (typeof input === 'string') {
      if (/^(NaN|-?Infinity)$/.test(input)) return Number(input);
      const trimmed = trimJson(input);
      if (trimmed === 'null') return 0;
      if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed) && Number.isFinite(Number(trimmed)))
        return Number(trimmed);
    }
    context.issues.push(problem(input, 'wrong-type', `Expected a number, got ${typeName(input)}`));
    return z.NEVER;
  });
}

/** A span of time as text, `1.5s` or `1h2m`, kept as written; see `durationMs` for its length. */
export function duration(): z.ZodMiniType<string> {
  return z.transform((input, context) => {
    if (typeof input !== 'string') {
      context.issues.push(
        problem(input, 'wrong-type', `Expected a duration such as "5s", got ${typeName(input)}`),
      );
      return z.NEVER;
    }
    if (parseDuration(input) !== undefined) return input;
    const hint = /^[-+]?[\d.]+$/.test(input)
      ? `: a unit is missing, as in "${input}s"`
      : ', write for example "1.5s", "250ms" or "1h2m"';
    context.issues.push(
      problem(input, 'bad-duration', `Cannot read ${JSON.stringify(input)} as a duration${hint}`),
    );
    return z.NEVER;
  });
}

/** Bytes in base64, kept as written. */
export function bytes(): z.ZodMiniType<string> {
  return z.transform((input, context) => {
    if (input === null) return '';
    if (typeof input !== 'string') {
      context.issues.push(problem(input, 'wrong-type', `Expected base64 text, got ${typeName(input)}`));
      return z.NEVER;
    }
    const bare = input.replaceAll(/[\r\n]/g, '');
    if (bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare)) return bare;
    context.issues.push(
      problem(input, 'bad-base64', 'Cannot read the text as base64 (standard alphabet, padded)'),
    );
    return z.NEVER;
  });
}

/**
 * One of the given names, which stand in the order of their numbers from 0. A number is turned into its
 * name; one that has no name is taken, as Istio takes it, and kept as text (`"99"`).
 */
export function enumeration<const Names extends readonly string[]>(
  ...names: Names
): z.ZodMiniType<Names[number]> {
  return z.transform((input, context): Names[number] => {
    if (typeof input === 'string' && names.includes(input)) return input as Names[number];
    if (input === null) return names[0]!;
    if (typeof input === 'number' && Number.isInteger(input) && Math.abs(input) < 2 ** 31)
      return (names[input] ?? String(input)) as Names[number];
    const wants = `one of ${names.join(', ')}`;
    if (typeof input === 'string') {
      context.issues.push(
        problem(input, 'unknown-value', `Unknown value ${JSON.stringify(input)}: expected ${wants}`),
      );
    } else {
      context.issues.push(problem(input, 'wrong-type', `Expected ${wants}, got ${typeName(input)}`));
    }
    return z.NEVER;
  });
}

/** What a JSON value is, in words for people: `a list`, `the number 5`. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return `the text ${shorten(JSON.stringify(value))}`;
  if (typeof value === 'number') return `the number ${value}`;
  return `${value}`;
}

/** The proto's name of a field from its JSON name: `per_try_timeout` for `perTryTimeout`. */
export function protoName(jsonName: string): string {
  if (jsonName === 'consecutive5xxErrors') return 'consecutive_5xx_errors';
  return jsonName.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The greatest number below 2^64: of those between JavaScript has none. */
const GREATEST = 2 ** 64 - 2 ** 11;
/** More than any number in range has. */
const MAX_DIGITS = 24;

function wholeNumber(min: bigint, max: bigint): z.ZodMiniType<number> {
  return z.transform((input, context) => {
    if (input === null) return 0;
    let value: bigint | undefined;
    if (typeof input === 'number' && Number.isInteger(input)) value = BigInt(input);
    if (typeof input === 'string') {
      const trimmed = trimJson(input);
      if (trimmed === 'null') return 0;
      if (/^-?(0|[1-9]\d*)$/.test(trimmed) && !(min === 0n && trimmed.startsWith('-')))
        value =
          trimmed.length > MAX_DIGITS ? (trimmed.startsWith('-') ? min - 1n : max + 1n) : BigInt(trimmed);
    }
    if (value === undefined) {
      context.issues.push(problem(input, 'wrong-type', `Expected a whole number, got ${typeName(input)}`));
      return z.NEVER;
    }
    if (value >= min && value <= max) return Math.min(Number(value), GREATEST);
    const shown = typeof input === 'string' ? shorten(trimJson(input)) : value;
    context.issues.push(
      problem(input, 'out-of-range', `The number ${shown} is not in the range ${min} to ${max}`),
    );
    return z.NEVER;
  });
}

function problem(input: unknown, code: FieldProblem, message: string): z.core.$ZodRawIssue {
  return { code: 'custom', input, message, params: { code } };
}

function trimJson(input: string): string {
  return input.replaceAll(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
}

function shorten(shown: string): string {
  return shown.length > 60 ? `${shown.slice(0, 57)}…"` : shown;
}

/** YAML reads `yes`, `1.0` and the like as something else than text; quotes are what would do. */
function quoteHint(input: unknown): string {
  return typeof input === 'number' || typeof input === 'boolean' ? ', put it in quotes' : '';
}
