/**
 * The quick way through a document of plain YAML, which is what rules are written in: block maps and lists, scalars and
 * flow collections that stay on their line, and JSON. Whatever else there may be (anchors, tags, block scalars, texts
 * over several lines, mistakes) is left to the yaml library, which defines what a text means; a test holds the two
 * against each other. Imports the meaning of scalars.
 */
import { scalarValue } from './scalar.ts';
import type { Place } from './tree.ts';

/** A document's data and places, as `readTree` gives them for one without problems. */
export interface PlainDocument {
  readonly value: unknown;
  readonly place: Place;
}

/** The document; undefined where the library has to read it. */
export function readPlainYaml(text: string): PlainDocument | undefined {
  if (!ORDINARY.test(text)) return undefined;
  try {
    return new PlainReader(text).document();
  } catch (error) {
    if (error === UNUSUAL) return undefined;
    throw error;
  }
}

/** No tabs, no breaks but LF, no marks that are not seen, nothing beyond the basic plane. */
const ORDINARY = /^[\n\x20-\x7E\xA0-\u2027\u202A-\uD7FF\uE000-\uFEFE\uFF00-\uFFFD]*$/;
/** Thrown to leave a text; never leaves this module. */
const UNUSUAL = new Error('not plain');
/** Far below what is refused, which is the library's to say. */
const MAX_DEPTH = 48;

const KEY = /(?:[A-Za-z0-9_][\w./-]{0,500}|"[^"\\\n]{0,500}"|'[^'\n]{0,500}')(?=:(?:[ \n]|$))/y;
const FLOW_KEY = /(?:[A-Za-z0-9_][\w./-]{0,500}(?=:[ \n])|"[^"\\\n]{0,500}"(?=:))/y;
const PLAIN = /(?:[A-Za-z0-9_./\\^(+~$<=;]|-(?=[^ \n]))[^\n]*/y;
const FLOW_PLAIN = /(?:[A-Za-z0-9_./\\^(+~$<=;]|-(?=[^\s,[\]{}]))(?:[^,[\]{}\n:#]|:(?=[^\s,[\]{}]))*/y;
const DOUBLE = /"(?:[^"\\\n]|\\["\\bfnrtu])*"/y;
const SINGLE = /'[^'\n]*'(?!')/y;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const DASH = 0x2d;
const HASH = 0x23;

class PlainReader {
  readonly #text: string;
  #at = 0;
  #lineStart = 0;
  /** Of the line that is about to be read; -1 at the end of the text. */
  #indent = -1;
  /** Flow collections may go over lines: only where nothing is around them. */
  #overLines = false;

  constructor(text: string) {
    this.#text = text;
  }

  document(): PlainDocument {
    this.#toLine(0);
    if (this.#indent !== 0) throw UNUSUAL;
    let root: PlainDocument;
    if (this.#isOneOf('{[')) {
      this.#overLines = true;
      root = this.#flow(0, 0);
      this.#endLine();
    } else root = this.#block(0, 0, 0);
    if (!this.#isEnd()) throw UNUSUAL;
    return root;
  }

  /** From the begin of a line to the first text on it or on a later one. */
  #toLine(start: number): void {
    const text = this.#text;
    let lineStart = start;
    let at = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === SPACE) {
        at += 1;
        continue;
      }
      if (code === HASH) {
        const end = text.indexOf('\n', at);
        at = end === -1 ? text.length : end;
        continue;
      }
      if (code === NEWLINE) {
        at += 1;
        lineStart = at;
        continue;
      }
      break;
    }
    this.#at = at;
    this.#lineStart = lineStart;
    this.#indent = at >= text.length ? -1 : at - lineStart;
  }

  #isEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** What follows a value on its line can only be a comment. */
  #endLine(): void {
    if (!this.#isLineEnd()) throw UNUSUAL;
    const end = this.#text.indexOf('\n', this.#at);
    this.#toLine(end === -1 ? this.#text.length : end + 1);
  }

  /** Passes over spaces; true where only a comment follows on the line. */
  #isLineEnd(): boolean {
    const from = this.#at;
    while (this.#text.charCodeAt(this.#at) === SPACE) this.#at += 1;
    if (this.#at >= this.#text.length) return true;
    const code = this.#text.charCodeAt(this.#at);
    return code === NEWLINE || (code === HASH && this.#at > from);
  }

  #isOneOf(characters: string): boolean {
    return this.#at < this.#text.length && characters.includes(this.#text[this.#at]!);
  }

  /** A dash that begins a list's element. */
  #isDash(): boolean {
    if (this.#text.charCodeAt(this.#at) !== DASH) return false;
    const next = this.#text.charCodeAt(this.#at + 1);
    return next === SPACE || next === NEWLINE;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw UNUSUAL;
    this.#at += found[0].length;
    return found[0];
  }

  #isKey(): boolean {
    KEY.lastIndex = this.#at;
    return KEY.test(this.#text);
  }

  #block(indent: number, keyOffset: number, depth: number): PlainDocument {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    return this.#isDash() ? this.#list(indent, keyOffset, depth) : this.#map(indent, keyOffset, depth);
  }

  #map(indent: number, mapKey: number, depth: number): PlainDocument {
    const value: Record<string, unknown> = Object.create(null);
    const fields = new Map<string, Place>();
    const offset = this.#at;
    do {
      const keyOffset = this.#at;
      const key = keyOf(this.#match(KEY));
      this.#at += 1;
      if (fields.has(key)) throw UNUSUAL;
      const read = this.#isLineEnd()
        ? this.#below(indent, true, keyOffset, depth + 1)
        : this.#inline(indent, keyOffset, depth + 1);
      value[key] = read.value;
      fields.set(key, read.place);
    } while (this.#indent === indent && !this.#isDash());
    if (this.#indent >= indent) throw UNUSUAL;
    return { value, place: { key: mapKey, value: offset, scalar: false, fields } };
  }

  /** A list may stand as far to the left as the key that it belongs to; then the next key may follow it. */
  #list(indent: number, keyOffset: number, depth: number): PlainDocument {
    const value: unknown[] = [];
    const elements: Place[] = [];
    const offset = this.#at;
    do {
      this.#at += 1;
      const read = this.#element(indent, depth + 1);
      value.push(read.value);
      // Of an element the key is the element itself.
      elements.push({ ...read.place, key: read.place.value });
    } while (this.#indent === indent && this.#isDash());
    if (this.#indent > indent) throw UNUSUAL;
    return { value, place: { key: keyOffset, value: offset, scalar: false, elements } };
  }

  #element(indent: number, depth: number): PlainDocument {
    if (this.#isLineEnd()) return this.#below(indent, false, this.#at, depth);
    if (this.#isDash()) throw UNUSUAL;
    if (!this.#isKey()) return this.#inline(indent, this.#at, depth);
    if (depth > MAX_DEPTH) throw UNUSUAL;
    return this.#map(this.#at - this.#lineStart, this.#at, depth);
  }

  /** What belongs to a key or a dash at the end of its line. */
  #below(indent: number, isOfKey: boolean, keyOffset: number, depth: number): PlainDocument {
    this.#endLine();
    const isDeeper = this.#indent > indent;
    if (!isDeeper && !(isOfKey && this.#indent === indent && this.#isDash())) throw UNUSUAL;
    return this.#block(this.#indent, keyOffset, depth);
  }

  /** A value on the line of its key or dash. */
  #inline(indent: number, keyOffset: number, depth: number): PlainDocument {
    const read = this.#isOneOf('{[') ? this.#flow(keyOffset, depth) : this.#scalar(keyOffset);
    this.#endLine();
    if (this.#indent > indent) throw UNUSUAL;
    return read;
  }

  #scalar(keyOffset: number): PlainDocument {
    const offset = this.#at;
    const place = { key: keyOffset, value: offset, scalar: true };
    if (this.#isOneOf('"\'')) return { value: this.#quoted(), place };
    let text = this.#match(PLAIN);
    const comment = text.indexOf(' #');
    if (comment !== -1) text = text.slice(0, comment);
    text = withoutSpacesBehind(text);
    if (text.includes(': ') || text.endsWith(':')) throw UNUSUAL;
    this.#at = offset + text.length;
    return { value: meaningOf(text), place };
  }

  #quoted(): string {
    if (this.#isOneOf("'")) return this.#match(SINGLE).slice(1, -1);
    const written = this.#match(DOUBLE);
    if (!written.includes('\\')) return written.slice(1, -1);
    try {
      return JSON.parse(written) as string;
    } catch {
      throw UNUSUAL;
    }
  }

  #flow(keyOffset: number, depth: number): PlainDocument {
    if (depth > MAX_DEPTH) throw UNUSUAL;
    if (this.#isOneOf('{')) return this.#flowMap(keyOffset, depth);
    if (this.#isOneOf('[')) return this.#flowList(keyOffset, depth);
    const offset = this.#at;
    const place = { key: keyOffset, value: offset, scalar: true };
    if (this.#isOneOf('"\'')) return { value: this.#quoted(), place };
    const text = withoutSpacesBehind(this.#match(FLOW_PLAIN));
    return { value: meaningOf(text), place };
  }

  #flowMap(mapKey: number, depth: number): PlainDocument {
    const value: Record<string, unknown> = Object.create(null);
    const fields = new Map<string, Place>();
    const offset = this.#at;
    this.#at += 1;
    this.#flowSpace();
    while (!this.#isOneOf('}')) {
      if (fields.size > 0) this.#comma();
      const keyOffset = this.#at;
      const key = keyOf(this.#match(FLOW_KEY));
      this.#at += 1;
      this.#flowSpace();
      if (fields.has(key)) throw UNUSUAL;
      const read = this.#flow(keyOffset, depth + 1);
      value[key] = read.value;
      fields.set(key, read.place);
      this.#flowSpace();
    }
    this.#at += 1;
    return { value, place: { key: mapKey, value: offset, scalar: false, fields } };
  }

  #flowList(keyOffset: number, depth: number): PlainDocument {
    const value: unknown[] = [];
    const elements: Place[] = [];
    const offset = this.#at;
    this.#at += 1;
    this.#flowSpace();
    while (!this.#isOneOf(']')) {
      if (value.length > 0) this.#comma();
      const read = this.#flow(this.#at, depth + 1);
      value.push(read.value);
      elements.push(read.place);
      this.#flowSpace();
    }
    this.#at += 1;
    return { value, place: { key: keyOffset, value: offset, scalar: false, elements } };
  }

  /** One before the next entry, which there has to be. */
  #comma(): void {
    if (!this.#isOneOf(',')) throw UNUSUAL;
    this.#at += 1;
    this.#flowSpace();
    if (this.#isOneOf('}]')) throw UNUSUAL;
  }

  #flowSpace(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code !== SPACE && !(code === NEWLINE && this.#overLines)) return;
      this.#at += 1;
    }
  }
}

function withoutSpacesBehind(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === SPACE) end -= 1;
  return text.slice(0, end);
}

/** The text of a key as written, in quotes or without. */
function keyOf(written: string): string {
  const first = written[0];
  if (first === '"' || first === "'") return written.slice(1, -1);
  const value = meaningOf(written);
  if (value === null) throw UNUSUAL;
  return String(value);
}

function meaningOf(text: string): string | number | boolean | null {
  const result = scalarValue(text, true, undefined);
  if (!result.ok) throw UNUSUAL;
  return result.value;
}
