/**
 * Tabs that Kubernetes' YAML reader refuses and our library takes: where a token may begin, and below a
 * text's indentation. Imports the yaml library's events.
 * Source: github.com/yaml/go-yaml (v2) scannerc.go, yaml_parser_scan_to_next_token, yaml_parser_scan_plain_scalar,
 * yaml_parser_scan_block_scalar_breaks
 */
import { COLLECTION_STYLE, EVENT_ID, type Event, SCALAR_STYLE, type ScalarEvent } from 'js-yaml';
import { isBlockScalar, isQuoted, scalarEnd, scalarStart } from './scalar-text.ts';

/** Offset of the first tab that stands where none may; undefined if there is none. */
export function forbiddenTab(events: readonly Event[], text: string): number | undefined {
  if (!text.includes('\t')) return undefined;
  const gaps = new Gaps(text);
  /** Columns of the blocks around, and undefined for brackets. */
  const blocks: (number | undefined)[] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.POP) blocks.pop();
    else if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE)
      blocks.push(event.style === COLLECTION_STYLE.BLOCK ? columnOf(event.start, text) : undefined);
    if (event.type !== EVENT_ID.SCALAR || event.valueStart < 0) continue;
    const indent = (blocks.findLast((column) => column !== undefined) ?? -1) + 1;
    const found =
      gaps.until(event.valueStart - (isQuoted(event) ? 1 : 0)) ??
      (isBlockScalar(event) ? tabInBlock(event, text) : undefined) ??
      (event.style === SCALAR_STYLE.PLAIN ? tabInPlain(event, indent, text) : undefined);
    if (found !== undefined) return found;
    const behind = gaps.pass(event, indent);
    if (behind !== undefined) return behind;
  }
  return gaps.until(text.length);
}

function columnOf(offset: number, text: string): number {
  return offset - text.lastIndexOf('\n', offset - 1) - 1;
}

/** What stands between scalars: blanks, comments, indicators, names of anchors and tags. */
class Gaps {
  readonly #text: string;
  #at = 0;
  #flow = 0;
  /** Whether a key may begin, which is where tabs may not stand. */
  #keyMayBegin = true;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads up to a scalar, to the first tab that may not be. */
  until(end: number): number | undefined {
    for (; this.#at < end; this.#at++) {
      const character = this.#text[this.#at]!;
      switch (character) {
        case '\t':
          if (this.#flow === 0 && this.#keyMayBegin) return this.#at;
          break;
        case '\n':
          if (this.#flow === 0) this.#keyMayBegin = true;
          break;
        case ' ':
        case '\r':
          break;
        case '#':
          this.#at = this.#lineEnd() - 1;
          break;
        case '|':
        case '>':
          this.#at = this.#lineEnd() - 1;
          this.#keyMayBegin = false;
          break;
        case '[':
        case '{':
          this.#flow += 1;
          break;
        case ']':
        case '}':
          this.#flow = Math.max(0, this.#flow - 1);
          this.#keyMayBegin = false;
          break;
        case '-':
        case '?':
          this.#keyMayBegin = true;
          break;
        case ':':
          // One that begins a line belongs to a key with `?`, and a key may follow.
          break;
        case '&':
        case '*':
        case '!':
          this.#keyMayBegin = false;
          if (this.#text[this.#at + 1] === '<') this.#at = this.#text.indexOf('>', this.#at);
          while (this.#at + 1 < end && !/[\s,[\]{}]/.test(this.#text[this.#at + 1]!)) this.#at += 1;
          break;
        default:
          this.#keyMayBegin = false;
      }
    }
    return undefined;
  }

  /** Passes over a scalar, and over the blanks behind a plain one that belong to it, to the first tab that may not be. */
  pass(event: ScalarEvent, indent: number): number | undefined {
    const end = scalarEnd(event);
    this.#at = Math.max(this.#at, end);
    this.#keyMayBegin = isBlockScalar(event);
    if (event.style !== SCALAR_STYLE.PLAIN) return undefined;
    let newline = -1;
    for (let at = end; /[ \t\r\n]/.test(this.#text[at] ?? ''); at++) {
      if (this.#text[at] === '\n') newline = at;
      else if (this.#text[at] === '\t' && newline !== -1 && at - newline - 1 < indent) return at;
      this.#at = at + 1;
    }
    if (newline !== -1) this.#keyMayBegin = this.#flow === 0;
    return undefined;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end === -1 ? this.#text.length : end;
  }
}

/** A tab before the text of a later line, left of where the text may begin. */
function tabInPlain({ valueStart, valueEnd }: ScalarEvent, indent: number, text: string): number | undefined {
  const source = text.slice(valueStart, valueEnd);
  for (let newline = source.indexOf('\n'); newline !== -1; newline = source.indexOf('\n', newline + 1)) {
    const blank = /^[ \t]*/.exec(source.slice(newline + 1, newline + 200))![0];
    const tab = blank.indexOf('\t');
    if (tab !== -1 && tab < indent) return valueStart + newline + 1 + tab;
  }
  return undefined;
}

/** A tab where the lines below `|` or `>` are indented, or where their indentation is yet to be found. */
function tabInBlock(event: ScalarEvent, text: string): number | undefined {
  const { valueStart, valueEnd, indent } = event;
  let found = /^.[-+]?[1-9]/.test(text.slice(scalarStart(event, text, 0), valueStart));
  for (let line = valueStart; line < valueEnd; line = text.indexOf('\n', line) + 1 || valueEnd) {
    const blank = /^ */.exec(text.slice(line, line + 1000))![0].length;
    if (text[line + blank] === '\t' && (!found || blank < indent)) return line + blank;
    if (!/[\r\n]/.test(text[line + blank] ?? '\n')) found = true;
  }
  return undefined;
}
