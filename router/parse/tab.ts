/**
 * Tabs that Kubernetes' YAML reader refuses and our library takes: where a token may begin, and below a
 * text's indentation. Imports the yaml library's lexer.
 * Source: github.com/yaml/go-yaml (v2) scannerc.go, yaml_parser_scan_to_next_token, yaml_parser_scan_plain_scalar
 */
import { Lexer } from 'yaml';

/** Offset of the first tab that stands where none may; undefined if there is none. */
export function forbiddenTab(text: string): number | undefined {
  if (!text.includes('\t')) return undefined;
  const state = { indent: -1, keyColumn: 0, tokenMayBegin: true, afterPlain: false, flow: 0 };
  let offset = 0;
  let lineStart = 0;
  let marked = false;
  let blockScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    const column = offset - lineStart;
    if (lexeme === '\u001f') {
      marked = true;
      continue;
    }
    if (lexeme === '\u0002' || lexeme === '\u0018') continue;
    if (marked) {
      marked = false;
      if (!blockScalar) {
        const bad = tabInPlain(lexeme, state.indent);
        if (bad !== undefined && state.flow === 0) return offset + bad;
      }
      if (state.tokenMayBegin) state.keyColumn = column;
      state.tokenMayBegin = blockScalar;
      state.afterPlain = !blockScalar;
      blockScalar = false;
    } else if (lexeme === '\n' || lexeme === '\r\n') {
      if (state.flow === 0) state.tokenMayBegin = true;
    } else if (/^[ \t]+$/.test(lexeme)) {
      const tab = lexeme.indexOf('\t');
      const belongsToPlain = state.afterPlain && column + tab > state.indent;
      if (tab !== -1 && state.flow === 0 && state.tokenMayBegin && !belongsToPlain) return offset + tab;
    } else if (!lexeme.startsWith('#')) {
      readToken(lexeme, column, state);
      blockScalar = /^[|>]/.test(lexeme) && state.flow === 0;
    }
    offset += lexeme.length;
    const newline = lexeme.lastIndexOf('\n');
    if (newline !== -1) lineStart = offset - (lexeme.length - newline - 1);
  }
  return undefined;
}

function readToken(
  lexeme: string,
  column: number,
  state: { indent: number; keyColumn: number; tokenMayBegin: boolean; afterPlain: boolean; flow: number },
): void {
  state.afterPlain = false;
  if (lexeme === '{' || lexeme === '[') state.flow += 1;
  if (lexeme === '}' || lexeme === ']') state.flow = Math.max(0, state.flow - 1);
  if (state.flow === 0 && (lexeme === '-' || lexeme === '?')) {
    state.indent = column;
    state.tokenMayBegin = true;
    return;
  }
  if (state.flow === 0 && lexeme === ':') {
    // After a key on its line; an explicit value begins a line itself.
    if (!state.tokenMayBegin) state.indent = state.keyColumn;
    return;
  }
  if (state.tokenMayBegin) state.keyColumn = column;
  state.tokenMayBegin = false;
}

/** A tab before the text of a later line, at or left of the parent's column. */
function tabInPlain(source: string, indent: number): number | undefined {
  for (let newline = source.indexOf('\n'); newline !== -1; newline = source.indexOf('\n', newline + 1)) {
    const blank = /^[ \t]*/.exec(source.slice(newline + 1, newline + 200))![0];
    const tab = blank.indexOf('\t');
    if (tab !== -1 && tab <= indent) return newline + 1 + tab;
  }
  return undefined;
}
