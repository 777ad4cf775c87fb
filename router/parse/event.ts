/**
 * YAML text to the yaml library's events, divided as Kubernetes' reader divides it: only the first document counts,
 * and within brackets and quotes neither tabs nor indentation do. Imports the yaml library.
 * Source: github.com/yaml/go-yaml (v2) scannerc.go, and yaml.go (unmarshal reads one document)
 */
import { EVENT_ID, type Event, parseEvents, YAMLException } from 'js-yaml';
import { strictProblem } from './strict.ts';

/** How deep maps and lists may nest; Istio's own resources need about 15. */
export const MAX_DEPTH = 64;

/** The events of one document and its text, which they have offsets in; or why there are none. */
export type Events =
  | { readonly events: readonly Event[]; readonly text: string }
  | { readonly code: 'yaml-syntax' | 'too-deep'; readonly message: string; readonly offset: number };

/** Where the library stops, so that whoever reads the events can say what is too deep. */
const PARSER_DEPTH = 2 * MAX_DEPTH;
/** A text is read anew for each line that has to be indented: up to so many UTF-16 units in all. */
const MAX_WORK = 16 * 1024 * 1024;

/** The events of a text's first document; none where nothing but comments is in it. */
export function readEvents(text: string): Events {
  const first = firstText(text);
  if (text[first] === '%' && (first === 0 || text[first - 1] === '\n')) {
    const message = 'Cannot read a directive such as %YAML: leave the line out';
    return { code: 'yaml-syntax', message, offset: first };
  }
  const marker = /^\.\.\.(?=[ \t\r\n]|$)/m.exec(text)?.index;
  let written = text.slice(0, marker);
  const indentation = new Indentation(written);
  let cut: number | undefined;
  for (let work = 0; ; ) {
    const input = withoutInnerTabs(indentation.apply(written));
    work += input.length;
    try {
      const events = parseEvents(input, { maxDepth: PARSER_DEPTH });
      indentation.remove(events);
      if (cut !== undefined && events[1]?.type === EVENT_ID.SCALAR) return unreadable(NO_END, cut);
      if (events.length > 0 || marker === undefined) return { events, text: written };
      return {
        code: 'yaml-syntax',
        message: 'Cannot read "..." here: no document stands before it',
        offset: marker,
      };
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const { reason } = error;
      const at = error.mark?.position ?? 0;
      const offset = indentation.original(at);
      const again = work < MAX_WORK;
      if (again && isComment(written, offset)) {
        const [comment] = /^.*/.exec(written.slice(offset))!;
        written =
          written.slice(0, offset) + ' '.repeat(comment.length) + written.slice(offset + comment.length);
        continue;
      }
      if (reason === TOO_FAR_LEFT && again && indentation.add(input, at)) continue;
      if (reason === NO_END && again && isOver(written, offset)) {
        written = written.slice(0, offset);
        cut = offset;
        continue;
      }
      if (reason.startsWith('nesting exceeded'))
        return { code: 'too-deep', message: `Cannot read nesting deeper than ${MAX_DEPTH} levels`, offset };
      return unreadable(reason, offset);
    }
  }
}

function unreadable(reason: string, offset: number): Events {
  return { code: 'yaml-syntax', message: `Cannot read the YAML: ${reason}`, offset };
}

/** Reasons of the library's that Kubernetes' reader does not have in each case. */
const TOO_FAR_LEFT = 'deficient indentation';
const NO_END = 'end of the stream or a document separator is expected';

/**
 * True where a document is over before a line: one that is left of its first, or behind the brackets that it is in. The
 * line is still looked at.
 */
function isOver(text: string, offset: number): boolean {
  const first = firstText(text);
  const before = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  if (!/^ *$/.test(before)) return false;
  const indent = first - text.lastIndexOf('\n', first - 1) - 1;
  if (before.length >= indent && text[first] !== '{' && text[first] !== '[') return false;
  const rest = text.slice(offset);
  if (/^.*\n *\t/.test(rest)) return false;
  const [line] = /^.*/.exec(rest)!;
  const behind = rest.slice(line.length);
  // Of plain text its own line is enough, quotes and brackets may go on.
  const next = /^\w/.test(line) && /^[\w-]?$/.test(behind[firstText(behind)] ?? '') ? line : rest;
  try {
    return strictProblem(parseEvents(next, {}), next) === undefined;
  } catch {
    return false;
  }
}

/** True for a comment that no blank stands before, where the library stops: behind a quote, a bracket, a comma, `|` or `>`. */
function isComment(text: string, offset: number): boolean {
  return (
    text[offset] === '#' &&
    /["'[\]{},]$|[ \t][|>][-+1-9]{0,2}$/.test(text.slice(Math.max(0, offset - 5), offset))
  );
}

/** Offset of what is neither a blank nor a comment. */
function firstText(text: string): number {
  let at = 0;
  for (; at < text.length; at++) {
    if (text[at] === '#') at = (text.indexOf('\n', at) + 1 || text.length + 1) - 1;
    else if (!/\s/.test(text[at]!)) break;
  }
  return at;
}

/** Tabs behind other text are as good as spaces, but those in scalars, which are read from the text as written. */
function withoutInnerTabs(text: string): string {
  if (!text.includes('\t')) return text;
  return text.replaceAll(/\S.*/g, (rest) => rest.replaceAll('\t', ' '));
}

/** Spaces put before lines within brackets or quotes, so that they stand where the library wants them. */
class Indentation {
  /** Begins of lines in the text as written, in their order. */
  readonly #lines: number[] = [];
  readonly #text: string;
  /** More than any block's. */
  #width = 2;

  constructor(text: string) {
    this.#text = text;
  }

  /** Moves the line of an offset of the text with spaces; false if it is moved already. */
  add(input: string, at: number): boolean {
    const start = input.lastIndexOf('\n', at - 1) + 1;
    const line = this.original(start);
    if (/\S/.test(input.slice(start, at)) || this.#lines.includes(line)) return false;
    if (this.#lines.length === 0)
      for (const [blank] of this.#text.matchAll(/^[-?: ]+/gm))
        this.#width = Math.max(this.#width, blank.length + 2);
    this.#lines.push(line);
    this.#lines.sort((a, b) => a - b);
    return true;
  }

  apply(text: string): string {
    if (this.#lines.length === 0) return text;
    let result = '';
    let last = 0;
    for (const line of this.#lines) {
      result += text.slice(last, line) + ' '.repeat(this.#width);
      last = line;
    }
    return result + text.slice(last);
  }

  /** The offset in the text as written of one in the text with spaces. */
  original(at: number): number {
    let moved = 0;
    for (const line of this.#lines) {
      if (line + moved >= at) break;
      if (line + moved + this.#width > at) return line;
      moved += this.#width;
    }
    return at - moved;
  }

  remove(events: readonly Event[]): void {
    if (this.#lines.length === 0) return;
    for (const event of events) {
      if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) continue;
      const places = event as unknown as Record<string, number>;
      for (const field of PLACES)
        if ((places[field] ?? -1) >= 0) places[field] = this.original(places[field]!);
    }
  }
}

const PLACES = ['start', 'valueStart', 'valueEnd', 'anchorStart', 'anchorEnd', 'tagStart', 'tagEnd'];
