/**
 * A YAML syntax tree turned into plain data, with the place of each field kept beside it. Bounded work: deep
 * nesting and aliases that multiply are refused. Imports the yaml library's node types.
 * Source: github.com/yaml/go-yaml (v2) decode.go, strict mode: keys twice are refused, also through `<<`.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { scalarValue } from './scalar.ts';

/** Where a value and its key begin, as offsets in the document's text. */
export interface Place {
  /** Of the key, or of the list's element itself. */
  readonly key: number;
  readonly value: number;
  /** True for what is neither a map nor a list. */
  readonly scalar: boolean;
  readonly fields?: ReadonlyMap<string, Place>;
  readonly elements?: readonly Place[];
}

/** Something wrong inside a document that is YAML otherwise. */
export interface TreeProblem {
  readonly code:
    | 'duplicate-key'
    | 'bad-flow'
    | 'bad-key'
    | 'bad-value'
    | 'too-deep'
    | 'excessive-aliases'
    | 'unknown-alias'
    | 'bad-merge';
  readonly message: string;
  readonly offset: number;
}

/** A document's data. Maps have no prototype, so that keys such as `__proto__` are data. */
export interface Tree {
  /** Null in place of a value that cannot be read. */
  readonly value: unknown;
  /** Absent where a problem ended the reading. */
  readonly place?: Place;
  readonly problems: readonly TreeProblem[];
}

/** How deep maps and lists may nest; Istio's own resources need about 15. */
export const MAX_DEPTH = 64;

/** Thrown to leave a document that cannot be read further; never leaves this module. */
class Unreadable extends Error {}

/** The data of a document whose syntax is right; `text` is what it was read from. */
export function readTree(document: Document.Parsed, text: string): Tree {
  const reader = new TreeReader(text);
  try {
    const { value, place } = reader.node(document.contents, 0, 0);
    return { value, place, problems: reader.problems };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { value: null, problems: reader.problems };
  }
}

interface Read {
  readonly value: unknown;
  readonly place: Place;
}

class TreeReader {
  readonly problems: TreeProblem[] = [];
  readonly #text: string;
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<string>();
  #decoded = 0;
  #aliased = 0;
  #aliasDepth = 0;
  /** Of the outermost alias being read. */
  #aliasOffset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  node(node: unknown, keyOffset: number, depth: number): Read {
    const offset = offsetOf(node, keyOffset);
    this.#count(offset);
    if (depth > MAX_DEPTH)
      this.#stop('too-deep', `Cannot read nesting deeper than ${MAX_DEPTH} levels`, offset);
    if (isAlias(node)) return this.#alias(node.source, keyOffset, offset, depth);
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) this.#anchors.set(node.anchor, node);
    if (isMap(node)) {
      const value: Record<string, unknown> = Object.create(null);
      const fields = new Map<string, Place>();
      this.#fill(node, value, fields, depth);
      return { value, place: { key: keyOffset, value: offset, scalar: false, fields } };
    }
    if (isSeq(node)) {
      const value: unknown[] = [];
      const elements: Place[] = [];
      for (const item of node.items) {
        const read = this.node(item, offsetOf(item, offset), depth + 1);
        value.push(read.value);
        elements.push(read.place);
      }
      return { value, place: { key: keyOffset, value: offset, scalar: false, elements } };
    }
    return { value: this.#scalar(node, offset), place: { key: keyOffset, value: offset, scalar: true } };
  }

  #alias(name: string, keyOffset: number, offset: number, depth: number): Read {
    const target = this.#anchors.get(name);
    if (target === undefined)
      this.#stop('unknown-alias', `Unknown alias "*${name}": no anchor "&${name}" stands before it`, offset);
    if (this.#open.has(name))
      this.#stop('excessive-aliases', `The anchor "&${name}" contains itself`, offset);
    this.#open.add(name);
    if (this.#aliasDepth === 0) this.#aliasOffset = offset;
    this.#aliasDepth += 1;
    const read = this.node(target, offset, depth);
    this.#aliasDepth -= 1;
    this.#open.delete(name);
    return { value: read.value, place: { ...read.place, key: keyOffset, value: offset } };
  }

  #fill(map: YAMLMap, value: Record<string, unknown>, fields: Map<string, Place>, depth: number): void {
    for (const pair of map.items) {
      const keyOffset = offsetOf(pair.key, offsetOf(map, 0));
      if (isMergeKey(pair.key)) {
        this.#merge(pair.value, value, fields, keyOffset, depth);
        continue;
      }
      this.#checkFlowColon(map, pair);
      const key = this.#key(pair.key, keyOffset, depth);
      const read = this.node(pair.value, keyOffset, depth + 1);
      if (key === undefined) continue;
      if (fields.has(key)) {
        this.#report(
          'duplicate-key',
          `The key ${JSON.stringify(key)} stands twice in one map: keep one`,
          keyOffset,
        );
        continue;
      }
      value[key] = read.value;
      fields.set(key, { ...read.place, key: keyOffset });
    }
  }

  /** YAML 1.1 wants a space between the colon of a plain key and a map or list. */
  #checkFlowColon(map: YAMLMap, { key, value }: { key: unknown; value: unknown }): void {
    if (!map.flow || !isScalar(key) || key.type !== 'PLAIN' || !(isMap(value) || isSeq(value))) return;
    const start = value.range?.[0] ?? 0;
    if (this.#text[start - 1] === ':')
      this.#report('bad-flow', 'Cannot read the value right behind ":": write a space between', start - 1);
  }

  #merge(
    source: unknown,
    value: Record<string, unknown>,
    fields: Map<string, Place>,
    keyOffset: number,
    depth: number,
  ): void {
    const sources = isSeq(source) ? [...source.items].reverse() : [source];
    for (const item of sources) {
      const read = isMap(item) || isAlias(item) ? this.node(item, keyOffset, depth + 1) : undefined;
      if (read?.place.fields === undefined) {
        this.#report(
          'bad-merge',
          'Cannot merge with "<<": expected a map, an alias of one, or a list of them',
          keyOffset,
        );
        continue;
      }
      for (const [key, place] of read.place.fields) {
        if (fields.has(key)) {
          this.#report(
            'duplicate-key',
            `The key ${JSON.stringify(key)} is set by "<<" and beside it: keep one`,
            keyOffset,
          );
          continue;
        }
        value[key] = (read.value as Record<string, unknown>)[key];
        fields.set(key, place);
      }
    }
  }

  #key(node: unknown, offset: number, depth: number): string | undefined {
    const { value } = this.node(node, offset, depth + 1);
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    this.#report(
      'bad-key',
      `Cannot use ${value === null ? 'nothing' : 'a map or list'} as a key: write text`,
      offset,
    );
    return undefined;
  }

  #scalar(node: unknown, offset: number): string | number | boolean | null {
    if (!isScalar(node)) return null;
    const text = node.source ?? (node.value === null || node.value === undefined ? '' : String(node.value));
    const result = scalarValue(text, node.type === 'PLAIN' || node.type === undefined, node.tag);
    if (result.ok) return result.value;
    this.#report('bad-value', result.reason, offset);
    return null;
  }

  /** Go's own measure of aliases that multiply: their share of all nodes read. */
  #count(offset: number): void {
    this.#decoded += 1;
    if (this.#aliasDepth === 0) return;
    this.#aliased += 1;
    if (
      this.#aliased > 100 &&
      this.#decoded > 1000 &&
      this.#aliased / this.#decoded > allowedAliasShare(this.#decoded)
    ) {
      this.#stop(
        'excessive-aliases',
        'Cannot read the document: its aliases multiply to too many values',
        offset,
      );
    }
  }

  #report(code: TreeProblem['code'], message: string, offset: number): void {
    this.problems.push({ code, message, offset });
  }

  #stop(code: TreeProblem['code'], message: string, offset: number): never {
    this.#report(code, message, this.#aliasDepth > 0 ? this.#aliasOffset : offset);
    throw new Unreadable(message);
  }
}

function allowedAliasShare(decoded: number): number {
  if (decoded <= 400_000) return 0.99;
  if (decoded >= 4_000_000) return 0.1;
  return 0.99 - (0.89 * (decoded - 400_000)) / 3_600_000;
}

function isMergeKey(key: unknown): boolean {
  return (
    isScalar(key) &&
    (key.source ?? key.value) === '<<' &&
    key.type === 'PLAIN' &&
    (key.tag === undefined || key.tag.endsWith('merge'))
  );
}

function offsetOf(node: unknown, fallback: number): number {
  if (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) return node.range?.[0] ?? fallback;
  return fallback;
}
