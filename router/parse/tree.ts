/**
 * The events of a YAML document turned into plain data, with the place of each field kept beside it. Bounded work: deep
 * nesting and aliases that multiply are refused. Imports the yaml library's events.
 * Source: github.com/yaml/go-yaml (v2) decode.go, strict mode: keys twice are refused, also through `<<`.
 */
import { EVENT_ID, type Event, SCALAR_STYLE, type ScalarEvent } from 'js-yaml';
import { MAX_DEPTH } from './event.ts';
import { isMergeTag, scalarValue } from './scalar.ts';
import { scalarStart, scalarText } from './scalar-text.ts';

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

/** Thrown to leave a document that cannot be read further; never leaves this module. */
class Unreadable extends Error {}

/** The data of a document whose syntax is right; `text` is what its events were read from. */
export function readTree(events: readonly Event[], text: string): Tree {
  const reader = new TreeReader(events, text);
  try {
    const { value, place } = reader.document();
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
  readonly #events: readonly Event[];
  /** Of the event to be read next. */
  #at = 0;
  /** Where what was read last ends, as far as the events say. */
  #end = 0;
  /** The first events of what has an anchor. */
  readonly #anchors = new Map<string, number>();
  readonly #open = new Set<string>();
  #decoded = 0;
  #aliased = 0;
  #aliasDepth = 0;
  /** Of the outermost alias being read. */
  #aliasOffset = 0;

  constructor(events: readonly Event[], text: string) {
    this.#events = events;
    this.#text = text;
  }

  document(): Read {
    this.#at = 1;
    return this.#node(0, 0);
  }

  /** Reads the node that comes next, its key's offset being that of the node itself where it has none. */
  #node(keyOffset: number | undefined, depth: number): Read {
    const at = this.#at;
    const event = this.#events[at]!;
    const offset = this.#offsetOf(event) ?? keyOffset ?? this.#end;
    const key = keyOffset ?? offset;
    this.#count(offset);
    if (depth > MAX_DEPTH)
      this.#stop('too-deep', `Cannot read nesting deeper than ${MAX_DEPTH} levels`, offset);
    this.#at += 1;
    if (event.type === EVENT_ID.ALIAS) {
      this.#end = event.anchorEnd;
      return this.#alias(this.#text.slice(event.anchorStart, event.anchorEnd), key, offset, depth);
    }
    if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP)
      return { value: null, place: { key, value: offset, scalar: true } };
    // Those within what an alias stands for were met where it was written.
    if (event.anchorStart >= 0 && this.#aliasDepth === 0)
      this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), at);
    if (event.type === EVENT_ID.MAPPING) {
      const value: Record<string, unknown> = Object.create(null);
      const fields = new Map<string, Place>();
      this.#fill(value, fields, offset, depth);
      return { value, place: { key, value: offset, scalar: false, fields } };
    }
    if (event.type === EVENT_ID.SEQUENCE) {
      const value: unknown[] = [];
      const elements: Place[] = [];
      while (!this.#popped()) {
        const read = this.#node(undefined, depth + 1);
        value.push(read.value);
        elements.push(read.place);
      }
      return { value, place: { key, value: offset, scalar: false, elements } };
    }
    if (event.valueEnd >= 0) this.#end = event.valueEnd;
    return { value: this.#scalar(event, offset), place: { key, value: offset, scalar: true } };
  }

  /** Whether the map or list is over; then its end is read. */
  #popped(): boolean {
    const event = this.#events[this.#at];
    if (event !== undefined && event.type !== EVENT_ID.POP) return false;
    this.#at += 1;
    return true;
  }

  /** Where a node begins, without its tag and anchor; undefined for one without text. */
  #offsetOf(event: Event): number | undefined {
    switch (event.type) {
      case EVENT_ID.ALIAS:
        return event.anchorStart - 1;
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        return event.start;
      case EVENT_ID.SCALAR:
        return event.valueStart < 0 ? undefined : scalarStart(event, this.#text, this.#end);
      default:
        return undefined;
    }
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
    const back = { at: this.#at, end: this.#end };
    this.#at = target;
    const read = this.#node(offset, depth);
    this.#at = back.at;
    this.#end = back.end;
    this.#aliasDepth -= 1;
    this.#open.delete(name);
    return { value: read.value, place: { ...read.place, key: keyOffset, value: offset } };
  }

  #fill(value: Record<string, unknown>, fields: Map<string, Place>, offset: number, depth: number): void {
    while (!this.#popped()) {
      const keyEvent = this.#events[this.#at]!;
      const keyOffset = this.#offsetOf(keyEvent) ?? offset;
      if (this.#isMergeKey(keyEvent)) {
        this.#at += 1;
        this.#merge(value, fields, keyOffset, depth);
        continue;
      }
      const key = this.#key(keyOffset, depth);
      const read = this.#node(keyOffset, depth + 1);
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
      fields.set(key, read.place);
    }
  }

  #isMergeKey(event: Event): boolean {
    if (event.type !== EVENT_ID.SCALAR || event.valueEnd - event.valueStart !== 2) return false;
    if (this.#text.slice(event.valueStart, event.valueEnd) !== '<<') return false;
    const tag = this.#tagOf(event);
    return tag === undefined ? event.style === SCALAR_STYLE.PLAIN : isMergeTag(tag);
  }

  #merge(value: Record<string, unknown>, fields: Map<string, Place>, keyOffset: number, depth: number): void {
    const sources: (Read | undefined)[] = [];
    const event = this.#events[this.#at]!;
    if (event.type === EVENT_ID.SEQUENCE) {
      this.#at += 1;
      while (!this.#popped()) sources.unshift(this.#mergeSource(keyOffset, depth));
    } else sources.push(this.#mergeSource(keyOffset, depth));
    for (const read of sources) {
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

  #mergeSource(keyOffset: number, depth: number): Read | undefined {
    const { type } = this.#events[this.#at]!;
    const read = this.#node(keyOffset, depth + 1);
    return type === EVENT_ID.MAPPING || type === EVENT_ID.ALIAS ? read : undefined;
  }

  #key(offset: number, depth: number): string | undefined {
    const { value } = this.#node(offset, depth + 1);
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    this.#report(
      'bad-key',
      `Cannot use ${value === null ? 'nothing' : 'a map or list'} as a key: write text`,
      offset,
    );
    return undefined;
  }

  #scalar(event: ScalarEvent, offset: number): string | number | boolean | null {
    const text = scalarText(this.#text, event);
    const result = scalarValue(text, event.style === SCALAR_STYLE.PLAIN, this.#tagOf(event));
    if (result.ok) return result.value;
    this.#report('bad-value', result.reason, offset);
    return null;
  }

  /** As written, without the brackets of a verbatim one. */
  #tagOf({ tagStart, tagEnd }: ScalarEvent): string | undefined {
    if (tagStart < 0) return undefined;
    const tag = this.#text.slice(tagStart, tagEnd);
    return tag.startsWith('!<') ? tag.slice(2, -1) : tag;
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
