/**
 * What the yaml library takes as YAML 1.2 and Kubernetes' reader, which is of YAML 1.1, refuses or reads otherwise.
 * Imports the yaml library's events.
 * Source: github.com/yaml/go-yaml (v2) scannerc.go: yaml_simple_key_is_valid, yaml_parser_scan_plain_scalar,
 * yaml_parser_scan_flow_scalar, yaml_parser_scan_anchor, yaml_parser_scan_tag
 */
import {
  type AliasEvent,
  COLLECTION_STYLE,
  EVENT_ID,
  type Event,
  type MappingEvent,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
} from 'js-yaml';
import { isBlockScalar, scalarEnd, scalarStart } from './scalar-text.ts';
import { forbiddenTab } from './tab.ts';

/** What is wrong, and where in the text. */
export interface Strictness {
  readonly message: string;
  readonly offset: number;
}

/** How far a key's colon may be from its begin, in characters. */
const MAX_KEY = 1024;

type NodeEvent = AliasEvent | MappingEvent | ScalarEvent | SequenceEvent;

interface Level {
  readonly map: boolean;
  readonly flow: boolean;
  /** Whether a key comes next. */
  atKey: boolean;
  /** Of a key that is a map or list itself, where it begins. */
  readonly keyStart?: number;
}

/** The first thing that Kubernetes' reader does not take; undefined if there is none. */
export function strictProblem(events: readonly Event[], text: string): Strictness | undefined {
  const found = new Walk(events, text).run();
  const tab = forbiddenTab(events, text);
  if (tab === undefined || (found !== undefined && found.offset < tab)) return found;
  return { message: 'Cannot read the tab here: indent with spaces', offset: tab };
}

class Walk {
  readonly #events: readonly Event[];
  readonly #text: string;
  readonly #levels: Level[] = [];
  /** Where what was looked at last ends, as far as the events say. */
  #end = 0;

  constructor(events: readonly Event[], text: string) {
    this.#events = events;
    this.#text = text;
  }

  run(): Strictness | undefined {
    for (const event of this.#events) {
      if (event.type === EVENT_ID.DOCUMENT) continue;
      const problem = event.type === EVENT_ID.POP ? this.#leave() : this.#enter(event);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #enter(event: NodeEvent): Strictness | undefined {
    const level = this.#levels.at(-1);
    const isKey = level?.map === true && level.atKey;
    if (level !== undefined) level.atKey = !level.atKey;
    if (event.anchorStart >= 0) {
      const problem = this.#badName(event.anchorStart, event.anchorEnd);
      if (problem !== undefined) return problem;
    }
    if (event.type === EVENT_ID.ALIAS) {
      const gap = this.#end;
      this.#end = event.anchorEnd;
      return isKey ? this.#badKey(gap, event.anchorStart - 1, this.#end) : undefined;
    }
    if (event.tagStart >= 0) {
      const problem = this.#badTag(event.tagStart, event.tagEnd);
      if (problem !== undefined) return problem;
    }
    if (event.type !== EVENT_ID.SCALAR) return this.#enterCollection(event, isKey);
    if (event.valueStart < 0) {
      const bare = isKey && event.tagStart >= 0;
      return bare
        ? { message: 'Cannot read a key of a tag alone: write text', offset: event.tagStart }
        : undefined;
    }
    if (level === undefined && isBlockScalar(event))
      return { message: 'Cannot read a text alone: a resource is a map', offset: event.valueStart };
    const flow = level?.flow === true;
    const problem = this.#badScalar(event, flow);
    if (problem !== undefined) return problem;
    const gap = this.#end;
    this.#end = scalarEnd(event);
    return isKey ? this.#badScalarKey(event, flow, gap) : undefined;
  }

  #enterCollection(event: MappingEvent | SequenceEvent, isKey: boolean): Strictness | undefined {
    const map = event.type === EVENT_ID.MAPPING;
    const flow = event.style === COLLECTION_STYLE.FLOW;
    const propsEnd = Math.max(event.anchorEnd, event.tagEnd);
    // The library gives the first of two before a key to the map.
    if (map && !flow && propsEnd >= 0 && !this.#text.slice(propsEnd, event.start).includes('\n'))
      return { message: 'Cannot read a tag and an anchor before a key: leave one out', offset: event.start };
    this.#levels.push({
      map,
      flow,
      atKey: true,
      ...(isKey && { keyStart: propsStart(event, event.start) }),
    });
    if (/[[{]/.test(this.#text[event.start] ?? '')) this.#end = Math.max(this.#end, event.start + 1);
    return undefined;
  }

  #badScalarKey(event: ScalarEvent, flow: boolean, gap: number): Strictness | undefined {
    const start = propsStart(event, scalarStart(event, this.#text, gap));
    if (!flow && !this.#beginsLine(start))
      return { message: 'Cannot read a key behind other text: begin a line', offset: start };
    // Most keys are short, and their colons right behind them.
    const short = event.fast && this.#end - start <= MAX_KEY && this.#text[this.#end] === ':';
    return short ? undefined : this.#badKey(gap, start, this.#end);
  }

  #leave(): Strictness | undefined {
    const level = this.#levels.pop();
    return level?.keyStart === undefined
      ? undefined
      : this.#badKey(level.keyStart, level.keyStart, this.#end);
  }

  /** A key whose colon stands too far away, without `?` before it. */
  #badKey(gap: number, start: number, end: number): Strictness | undefined {
    const before = this.#text.slice(gap, start).replaceAll(/(?<=^|[ \t\n])#.*/g, '');
    if (before.includes('?')) return undefined;
    const colon = this.#colonBehind(end, start + 2 * MAX_KEY);
    // What has no colon is no key that the text says.
    if (colon === undefined) return undefined;
    const key = this.#text.slice(start, colon);
    if (key.includes('\n'))
      return {
        message: 'Cannot read a key and its colon on different lines: write them on one',
        offset: start,
      };
    if ([...key].length > MAX_KEY)
      return {
        message: `Cannot read a key of more than ${MAX_KEY} characters: put "? " before it`,
        offset: start,
      };
    return undefined;
  }

  /** Where the colon stands that comes next, with nothing but blanks, comments and closing brackets before it. */
  #colonBehind(end: number, limit: number): number | undefined {
    for (let at = end; at < this.#text.length && at <= Math.max(end, limit); at++) {
      const character = this.#text[at]!;
      if (character === ':') return at;
      if (character === '#') at = (this.#text.indexOf('\n', at) + 1 || this.#text.length + 1) - 1;
      else if (!/[\s\]}]/.test(character)) return undefined;
    }
    return undefined;
  }

  /** True where nothing but indicators, anchors and tags stands before on the line. */
  #beginsLine(start: number): boolean {
    let at = start;
    while (this.#text[at - 1] === ' ') at -= 1;
    if (at === 0 || this.#text[at - 1] === '\n') return true;
    const before = this.#text.slice(this.#text.lastIndexOf('\n', start - 1) + 1, start);
    return /^ *(?:[-?:][ \t]+)*(?:[&!]\S*[ \t]+)*$/.test(before);
  }

  #badName(start: number, end: number): Strictness | undefined {
    if (/^[\w-]+$/.test(this.#text.slice(start, end))) return undefined;
    return {
      message: 'Cannot read the anchor\'s name: it has letters, digits, "-" and "_" only',
      offset: start,
    };
  }

  #badTag(start: number, end: number): Strictness | undefined {
    const next = this.#text[end];
    if (next !== undefined && !/[ \t\r\n]/.test(next))
      return { message: 'Cannot read the tag: write a space behind it', offset: start };
    return TAG.test(this.#text.slice(start, end))
      ? undefined
      : { message: 'Cannot read the tag: write one like !!str', offset: start };
  }

  #badScalar(event: ScalarEvent, flow: boolean): Strictness | undefined {
    const { valueStart, valueEnd, style } = event;
    if (style === SCALAR_STYLE.PLAIN) {
      if (!flow) return undefined;
      const value = this.#text.slice(valueStart, valueEnd);
      if (value.startsWith(':') || value.includes('?')) {
        const offset = valueStart + value.search(/^:|\?/);
        return { message: 'Cannot read "?" or a leading ":" in brackets: put the text in quotes', offset };
      }
      if (/^[ \t]*:[[\]{},]/.test(this.#text.slice(valueEnd, valueEnd + 100)))
        return { message: 'Cannot read what is right behind ":": write a space between', offset: valueEnd };
      return undefined;
    }
    if (style !== SCALAR_STYLE.DOUBLE_QUOTED || event.fast) return undefined;
    for (const { 0: written, index } of this.#text.slice(valueStart, valueEnd).matchAll(ESCAPE)) {
      const offset = valueStart + index;
      if (written === '\\/')
        return { message: 'Cannot read the escape "\\/": YAML 1.1 has none of the kind, write "/"', offset };
      if (/^\\[uU]/.test(written) && !isCharacter(Number.parseInt(written.slice(2), 16)))
        return { message: `Cannot read the escape "${written}": it is half a character, or none`, offset };
    }
    return undefined;
  }
}

const TAG = /^!(?:!?[\w\-;/?:@&=+$.~*'()%]+|<[\w\-;/?:@&=+$,.!~*'()[\]%]+>)?$/;
const ESCAPE = /\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/gs;

/** False for halves of surrogate pairs, which JSON writes, and for what is beyond Unicode. */
function isCharacter(code: number): boolean {
  return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

function propsStart(
  event: { readonly anchorStart: number; readonly tagStart: number },
  start: number,
): number {
  const anchor = event.anchorStart < 0 ? start : event.anchorStart - 1;
  return Math.min(start, anchor, event.tagStart < 0 ? start : event.tagStart);
}
