/**
 * The text of one file: its lines, and where its YAML documents begin. Imports the position type.
 * Source of the splitting: k8s.io/apimachinery/pkg/util/yaml, YAMLReader, which kubectl and istioctl use.
 */
import type { Position } from '../schema/resource.ts';

/** A file's text with its lines findable. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** The place of an offset in UTF-16 units. */
  positionAt(offset: number): Position;
  /** The text of a 1-based line, without its end. */
  line(number: number): string;
}

/** One YAML document's part of a file. */
export interface Chunk {
  readonly text: string;
  /** Where it begins in the file's text. */
  readonly offset: number;
  /** Text after the separator on its line, which Kubernetes' reader refuses. */
  readonly afterSeparator?: { readonly offset: number; readonly text: string };
}

/** Makes a text's lines findable; they are looked up when first asked for. */
export function sourceText(file: string, text: string): SourceText {
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
      return { line: low + 1, column: offset - all[low]! + 1 };
    },
    line(number) {
      const all = lineStarts();
      const start = all[number - 1];
      if (start === undefined) return '';
      const end = all[number] ?? text.length + 1;
      return text.slice(start, end - 1).replace(/\r$/, '');
    },
  };
}

/**
 * The documents of a text, split at lines that begin with `---`, so that a document which is not YAML leaves
 * the others readable. Parts without any text are left out.
 */
export function splitDocuments(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  let afterSeparator: Chunk['afterSeparator'];
  const close = (end: number): void => {
    const part = text.slice(start, end);
    if (part !== '' || afterSeparator !== undefined)
      chunks.push({ text: part, offset: start, ...(afterSeparator && { afterSeparator }) });
  };
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const next = newline === -1 ? text.length : newline + 1;
    if (text.startsWith('---', at)) {
      close(at);
      const rest = text.slice(at + 3, next).trim();
      const offset = at + 3 + text.slice(at + 3, next).search(/\S/);
      afterSeparator = rest !== '' && !rest.startsWith('#') ? { offset, text: rest } : undefined;
      start = next;
    }
    at = next;
  }
  close(text.length);
  return chunks;
}
