/** The fields of Istio's API as paths, walked from the schema: `http[].match[].uri.exact`. */
import { type Kind, SPEC_SCHEMAS } from '../../router/schema/kind.ts';

/** What of a schema is walked; see `router/schema/proto-json.ts`. */
interface Node {
  readonly fields?: Readonly<Record<string, Node>>;
  readonly element?: Node;
  readonly value?: Node;
}

/** One field that holds no fields itself, or a part that is written elsewhere already. */
export interface Field {
  readonly kind: Kind;
  /** From `spec` on; `[]` follows a list's name, `{}` a map's. */
  readonly path: string;
  /** Set where the part is the same as an earlier one: that one's path. */
  readonly sameAs?: string;
}

/** Parts with fewer fields are told again at each place: where they stand makes a difference. */
const FOLDED_FROM = 8;

/** Every field of a kind, in the API's order. */
export function fieldsOf(kind: Kind): readonly Field[] {
  const found: Field[] = [];
  const seen = new Map<Node, string>();
  const visit = (node: Node, path: string): void => {
    const inner = node.element ?? node.value;
    if (inner) {
      visit(inner, node.element ? `${path}[]` : `${path}{}`);
      return;
    }
    if (!node.fields) {
      found.push({ kind, path });
      return;
    }
    const sameAs = seen.get(node);
    if (sameAs !== undefined && leaves(node) >= FOLDED_FROM) {
      found.push({ kind, path, sameAs });
      return;
    }
    seen.set(node, path);
    for (const [name, field] of Object.entries(node.fields))
      visit(field, path === '' ? name : `${path}.${name}`);
  };
  visit(SPEC_SCHEMAS[kind] as unknown as Node, '');
  return found;
}

function leaves(node: Node): number {
  const inner = node.element ?? node.value;
  if (inner) return leaves(inner);
  if (!node.fields) return 1;
  return Object.values(node.fields).reduce((sum, field) => sum + leaves(field), 0);
}

type Json = Readonly<Record<string, unknown>>;

/** The spec without a field, at every place where it is; undefined where it is nowhere. */
export function withoutField(spec: unknown, path: string): unknown {
  // A list or map of plain values goes as a whole.
  const steps = path.replace(/(\[\]|\{\})$/, '').split(/\.|(?=\[\]|\{\})/);
  let isFound = false;
  const remove = (value: unknown, at: number): unknown => {
    const step = steps[at]!;
    if (step === '[]') return Array.isArray(value) ? value.map((each) => remove(each, at + 1)) : value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if (step === '{}') return mapValues(value as Json, (each) => remove(each, at + 1));
    const { [step]: inner, ...rest } = value as Json;
    if (inner === undefined) return value;
    if (at < steps.length - 1) return { ...rest, [step]: remove(inner, at + 1) };
    isFound = true;
    return rest;
  };
  const changed = remove(spec, 0);
  return isFound ? changed : undefined;
}

function mapValues(map: Json, change: (value: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
