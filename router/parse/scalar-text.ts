/**
 * Where a scalar of a YAML document stands, and its text without quotes and escapes. Imports the yaml library's events.
 * Source: github.com/yaml/go-yaml (v2) scannerc.go, yaml_parser_scan_block_scalar
 */
import { CHOMPING_MODE, getScalarValue, SCALAR_STYLE, type ScalarEvent } from 'js-yaml';

/** True for what stands below a `|` or `>`. */
export function isBlockScalar({ style }: ScalarEvent): boolean {
  return style === SCALAR_STYLE.LITERAL_BLOCK || style === SCALAR_STYLE.FOLDED_BLOCK;
}

/** True for what stands in single or double quotes. */
export function isQuoted({ style }: ScalarEvent): boolean {
  return style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
}

/** Offset behind a scalar's last character, its quote among them. */
export function scalarEnd(event: ScalarEvent): number {
  return event.valueEnd + (isQuoted(event) ? 1 : 0);
}

/** The scalar's text. */
export function scalarText(text: string, event: ScalarEvent): string {
  if (event.style === SCALAR_STYLE.DOUBLE_QUOTED && !event.fast) return doubleQuoted(text, event);
  const value = getScalarValue(text, event);
  // Without a line's end in the text there is none in the value.
  const open =
    isBlockScalar(event) &&
    event.chomping !== CHOMPING_MODE.STRIP &&
    value.endsWith('\n') &&
    event.valueEnd > event.valueStart &&
    text[event.valueEnd - 1] !== '\n';
  return open ? value.slice(0, -1) : value;
}

/** Empty lines behind a line's end with `\` are line breaks here, and nothing to the library. */
function doubleQuoted(text: string, event: ScalarEvent): string {
  const source = text
    .slice(event.valueStart, event.valueEnd)
    .replaceAll(/\\(?:\r?\n((?:[ \t]*\r?\n)+)[ \t]*|.)/gs, (written, breaks: string | undefined) =>
      breaks === undefined ? written : '\\n'.repeat(breaks.split('\n').length - 1),
    );
  return getScalarValue(source, { ...event, valueStart: 0, valueEnd: source.length });
}

/**
 * Offset of a scalar's first character: its quote, its `|` or `>`.
 * @param end Where what stands before it ends, or any place after that and before the scalar.
 */
export function scalarStart(event: ScalarEvent, text: string, end: number): number {
  if (!isBlockScalar(event)) return event.valueStart - (isQuoted(event) ? 1 : 0);
  const line = text.lastIndexOf('\n', event.valueStart - 2) + 1;
  const after = Math.max(line, end, event.tagEnd, event.anchorEnd);
  const header = /[|>][-+0-9]*(?:[ \t]+#.*)?[ \t]*\r?\n?$/.exec(text.slice(after, event.valueStart));
  return header === null ? event.valueStart : after + header.index;
}
