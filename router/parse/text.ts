/**
 * The text of one file: its lines, and where its YAML documents begin. Imports the position type.
 * Source of the splitting: k8s.io/apimachinery/pkg/util/yaml, YAMLReader, which kubectl and istioctl use.
 */
import type { Position } from '../schema/resource.ts';

/** A text with its lines findable, all of a file's or a part of it. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** The place of an offset in UTF-16 units, as the file's lines count. */
  positionAt(offset: number): Position;
  /** The text of a line, 1-based in the file, without its end; empty outside of the text. */
  line(number: number): string;
}

/** One YAML document's part of a file. */
export interface Chunk {
  readonly text: string;
  /** The file's line that it begins with, 1-based. */
  readonly line: number;
  /** What stands behind the separator on its line and may not. */
  readonly afterSeparator?: AfterSeparator;
}

/** Text on a separator's line. */
export interface AfterSeparator extends Position {
  readonly excerpt: string;
  /** Whether a document ends at the separator, which Kubernetes' reader then loses. */
  readonly closes: boolean;
}

/** Makes a text's lines findable, `firstLine` being that of its begin; they are looked up when first asked for. */
export function sourceText(file: string, text: string, firstLine = 1): SourceText {
  let starts: readonly number[] | undefined;
  const lineStarts = (): readonly number[] => {
    if (starts === undefined) {
      const found = [0];
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) found.push(at + 1);
      starts = found;
    }
    return starts;
  };
  return {
    file,
    text,
    positionAt(offset) {
      const all = lineStarts();
      let low = 0;
      let high = all.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (all[middle]! <= offset) low = middle;
        else high = middle - 1;
      }
      return { line: firstLine + low, column: offset - all[low]! + 1 };
    },
    line(number) {
      const all = lineStarts();
      const index = number - firstLine;
      const start = all[index];
      if (start === undefined) return '';
      const end = all[index + 1] ?? text.length + 1;
      return text.slice(start, end - 1).replace(/\r$/, '');
    },
  };
}

/**
 * The documents of a text, split at lines that begin with `---`, so that a document which is not YAML leaves the others
 * readable. A separator that no line stands before, since the last one or the begin, belongs to the document below it.
 * What has no lines at all is left out; a byte order mark at the begin of a document, too.
 */
export function* splitDocuments(text: string): Generator<Chunk> {
  let start = 0;
  let line = 1;
  let afterSeparator: AfterSeparator | undefined;
  /** Passes over the line of a separator. */
  const pass = (at: number, closes: boolean): void => {
    const newline = text.indexOf('\n', at);
    start = newline === -1 ? text.length : newline + 1;
    const excerpt = text.slice(at, newline === -1 ? start : newline).replace(/\r$/, '');
    const rest = (closes ? BEHIND_CLOSING : BEHIND_OPENING).exec(excerpt.slice(3))![0].length + 3;
    afterSeparator = rest < excerpt.length ? { line, column: rest + 1, excerpt, closes } : undefined;
    if (newline !== -1) line += 1;
  };
  for (;;) {
    const begin = start;
    if (afterSeparator === undefined && text[start] === '\uFEFF') start += 1;
    const opened = afterSeparator === undefined && text.startsWith('---', start);
    if (opened) pass(start, false);
    const end = separatorFrom(text, start) ?? text.length;
    if (end > begin || afterSeparator !== undefined)
      yield { text: text.slice(start, end), line, ...(afterSeparator && { afterSeparator }) };
    if (end === text.length) return;
    for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1))
      line += 1;
    pass(end, true);
  }
}

/** What may stand behind a separator at which a document ends: what Go's strings.TrimSpace drops, then any comment. */
const BEHIND_CLOSING = /^(?:(?!\uFEFF)[\s\u0085])*(?:#.*)?/s;
/** Behind one that belongs to the document below it, which is YAML. */
const BEHIND_OPENING =
  /^(?:[ \t]+#[\t -~\u00A0-\u2027\u202A-\uD7FF\uE000-\uFEFE\uFF00-\uFFFC\u{10000}-\u{10FFFF}]*$|[ \t]*)/u;

/** Where the first line begins that is a separator, from the begin of a line on. */
function separatorFrom(text: string, start: number): number | undefined {
  if (text.startsWith('---', start)) return start;
  const newline = text.indexOf('\n---', start);
  return newline === -1 ? undefined : newline + 1;
}

/** The same text without the larger one that it was cut from: engines keep that alive as long as the part. */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
