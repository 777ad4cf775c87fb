/**
 * Text to documents: each YAML document of a file as plain data with its places, or with what is wrong with
 * it. Imports the yaml library.
 */
import { Composer, type CST, type Document, isScalar, Lexer, Parser, visit } from 'yaml';
import type { Issue, IssueCode } from '../issue.ts';
import { protoName } from '../schema/proto-json.ts';
import type { FieldPath, Position, ResourceSource } from '../schema/resource.ts';
import { forbiddenTab } from './tab.ts';
import { detached, type SourceText, sourceText, splitDocuments } from './text.ts';
import { type Place, readTree } from './tree.ts';

/** A text above this size is refused unread: 8 MiB, some 50,000 rules. */
export const MAX_BYTES = 8 * 1024 * 1024;

/** One document that is no YAML is told of so many times. */
const MAX_SYNTAX_ISSUES = 3;
/** And of so many values that cannot be read. */
const MAX_TREE_ISSUES = 20;

/** A part is read in steps of so many lexical tokens, some milliseconds each. */
const STEP_TOKENS = 4000;

/** One document: what `kubectl` would take for one object. */
export interface YamlDocument {
  /** Plain data; null for an empty document and for one that cannot be read. Maps have no prototype. */
  readonly value: unknown;
  /** Places of its fields, paths from the document's root. */
  readonly source: ResourceSource;
  /** Why the document cannot be taken; all of them errors. */
  readonly issues: readonly Issue[];
  /** Set where {@link value} is there in spite of {@link issues}: all but the values that these tell of. */
  readonly partial?: true;
  /** Set where the separator before the document is wrong: Kubernetes' reader loses the document before it, too. */
  readonly badSeparator?: true;
}

/** What stands between two separators of a text: most often one document. */
export interface TextPart {
  readonly text: string;
  /** The file's line that it begins with, 1-based. */
  readonly line: number;
  readonly documents: readonly YamlDocument[];
  /** The documents with places yet to be found; absent where what is wrong with them lies outside of the part. */
  readonly read?: readonly ReadDocument[];
}

/** A document as read, wherever its part stands. */
interface ReadDocument {
  readonly value: unknown;
  /** Absent for one that cannot be read. */
  readonly place?: Place;
  readonly problems: readonly Problem[];
}

interface Problem {
  readonly code: IssueCode;
  readonly message: string;
  readonly offset: number;
}

/** The documents of a text; what is wrong with the text as a whole is told in `issues`. */
export function readDocuments(
  input: string | Uint8Array,
  file: string,
): { documents: YamlDocument[]; issues: Issue[] } {
  const issue = sizeIssue(input.length, file);
  if (issue !== undefined) return { documents: [], issues: [issue] };
  const documents: YamlDocument[] = [];
  for (const part of readParts(input, file)) if (part !== undefined) documents.push(...part.documents);
  return { documents, issues: [] };
}

/** Why a text of so many bytes is refused unread; undefined when it is not. */
export function sizeIssue(bytes: number, file: string): Issue | undefined {
  if (bytes <= MAX_BYTES) return undefined;
  const size = (bytes / 1024 / 1024).toFixed(1);
  const message = `Cannot read ${size} MiB: the limit is ${MAX_BYTES / 1024 / 1024} MiB, split the file`;
  return { code: 'file-too-large', severity: 'error', message, file };
}

/**
 * The parts of a text in their order, and undefined now and then while a long one is still being read: whoever
 * drives it may pause there.
 * @param known Finds a part of an earlier reading by its text. One that stands where it stood is given again as it is;
 * one that has moved keeps its data and gets new places.
 */
export function* readParts(
  input: string | Uint8Array,
  file: string,
  known?: (text: string) => TextPart | undefined,
): Generator<TextPart | undefined> {
  const decoded = typeof input === 'string' ? input : decode(input);
  for (const chunk of splitDocuments(decoded.startsWith('\uFEFF') ? decoded.slice(1) : decoded)) {
    const { afterSeparator, line } = chunk;
    const invalid = typeof input === 'string' ? -1 : chunk.text.indexOf('\uFFFD');
    if (invalid !== -1 && !isUtf8(input as Uint8Array)) {
      const text = sourceText(file, chunk.text, line);
      const message = 'Cannot read the text here: it is not UTF-8, save the file in that encoding';
      const issue = issueAt(text, { code: 'not-utf8', message, offset: invalid });
      yield { text: chunk.text, line, documents: [broken(text, [issue])] };
      continue;
    }
    if (afterSeparator !== undefined) {
      const message = 'Cannot read text on the line of the separator "---": put it on the next line';
      const { excerpt, ...place } = afterSeparator;
      const issue: Issue = { code: 'yaml-syntax', severity: 'error', message, file, ...place, excerpt };
      const text = sourceText(file, chunk.text, line);
      yield { text: chunk.text, line, documents: [{ ...broken(text, [issue]), badSeparator: true }] };
      continue;
    }
    const earlier = known?.(chunk.text);
    if (earlier?.read !== undefined) {
      yield earlier.line === line ? earlier : placedPart(earlier.text, line, file, earlier.read);
      continue;
    }
    const written = detached(chunk.text);
    yield placedPart(written, line, file, yield* readChunk(written));
  }
}

function placedPart(written: string, line: number, file: string, read: readonly ReadDocument[]): TextPart {
  const text = sourceText(file, written, line);
  const documents = read.map(({ value, place, problems }): YamlDocument => {
    const issues = problems.map((problem) => issueAt(text, problem));
    if (place === undefined) return broken(text, issues);
    const source = placedSource(text, place);
    return { value, source, issues, ...(issues.length > 0 && { partial: true }) };
  });
  return { text: written, line, documents, read };
}

function* readChunk(written: string): Generator<undefined, ReadDocument[]> {
  // YAML 1.1 has more line breaks than the library knows; one character for one, so that places stay.
  const chunk = written.replaceAll(/\r(?!\n)|[\u0085\u2028\u2029]/g, '\n');
  const control = /[^\t\n\r\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.exec(chunk);
  if (control !== null) {
    const message = `Cannot read the character U+${control[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}: YAML allows no control characters`;
    return [unreadable({ code: 'yaml-syntax', message, offset: control.index })];
  }
  const tab = forbiddenTab(chunk);
  if (tab !== undefined) {
    const message = 'Cannot read the tab here: indent with spaces';
    return [unreadable({ code: 'yaml-syntax', message, offset: tab })];
  }
  // Scalars are read by our own rules, so no schema of the library's resolves them.
  const composer = new Composer({
    version: '1.1',
    schema: 'failsafe',
    uniqueKeys: false,
    logLevel: 'silent',
  });
  const documents: ReadDocument[] = [];
  for (const token of firstDocument(yield* tokensOf(chunk), chunk))
    for (const document of composer.next(token)) documents.push(readDocument(document, chunk));
  for (const document of composer.end()) documents.push(readDocument(document, chunk));
  return documents;
}

/** The documents' syntax, which is most of the work, with a pause offered now and then. */
function* tokensOf(chunk: string): Generator<undefined, CST.Token[]> {
  const tokens: CST.Token[] = [];
  let errors = 0;
  const take = (found: Iterable<CST.Token>): void => {
    for (const token of found) {
      if (token.type === 'error') errors += 1;
      else if (token.type === 'document' || token.type === 'doc-end') errors = 0;
      // An error of the library's for each of a million characters takes minutes, and nobody is told of it.
      if (errors <= MAX_SYNTAX_ISSUES || token.type !== 'error') tokens.push(token);
    }
  };
  const parser = new Parser();
  let steps = 0;
  for (const lexeme of new Lexer().lex(chunk)) {
    take(parser.next(lexeme));
    steps += 1;
    if (steps % STEP_TOKENS === 0) yield undefined;
  }
  take(parser.end());
  return tokens;
}

/**
 * The tokens up to the end of the first document: at `...`, or where text stands left of the document's first line.
 * What follows is never looked at.
 *
 * Source: github.com/yaml/go-yaml (v2) `yaml.go` (unmarshal reads one document).
 */
function* firstDocument(tokens: Iterable<CST.Token>, text: string): Iterable<CST.Token> {
  for (const token of tokens) {
    if (token.type === 'document' && token.value && 'indent' in token.value) {
      const { indent } = token.value;
      const end = token.end?.findIndex(
        (each) => !BETWEEN.has(each.type) && isLeftOf(indent, each.offset, text),
      );
      if (end !== undefined && end !== -1) {
        yield { ...token, end: token.end!.slice(0, end) };
        return;
      }
    }
    yield token;
    if (token.type === 'doc-end') return;
  }
}

const BETWEEN: ReadonlySet<string> = new Set(['space', 'comment', 'newline']);

function isLeftOf(indent: number, offset: number, text: string): boolean {
  const before = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  return before.length < indent && /^ *$/.test(before);
}

/** Offset of the first `\/` in a double-quoted scalar, which is JSON's and not YAML 1.1's; undefined if there is none. */
function forbiddenEscape(document: Document.Parsed, text: string): number | undefined {
  if (!text.includes('\\/')) return undefined;
  let found: number | undefined;
  visit(document, {
    Scalar(_, node) {
      if (!isScalar(node) || node.type !== 'QUOTE_DOUBLE' || !node.range) return undefined;
      const [start, end] = node.range;
      const valid = /^(?:[^\\]|\\[^/])*/s.exec(text.slice(start, end))![0].length;
      if (start + valid === end) return undefined;
      found = start + valid;
      return visit.BREAK;
    },
  });
  return found;
}

function readDocument(document: Document.Parsed, chunk: string): ReadDocument {
  if (document.errors.length > 0) {
    const problems = document.errors.slice(0, MAX_SYNTAX_ISSUES).map((error): Problem => {
      const tooDeep = error.code === 'RESOURCE_EXHAUSTION';
      return {
        code: tooDeep ? 'too-deep' : 'yaml-syntax',
        message: tooDeep ? 'Cannot read nesting this deep' : syntaxMessage(error.message),
        offset: error.pos[0],
      };
    });
    return unreadable(...problems);
  }
  const escaped = forbiddenEscape(document, chunk);
  if (escaped !== undefined) {
    const message = 'Cannot read the escape "\\/": YAML 1.1 has none of the kind, write "/"';
    return unreadable({ code: 'yaml-syntax', message, offset: escaped });
  }
  const tree = readTree(document, chunk);
  const problems = tree.problems.slice(0, MAX_TREE_ISSUES).map(({ code, ...problem }): Problem => {
    const syntax = code === 'unknown-alias' || code === 'bad-flow';
    return { ...problem, code: syntax ? 'yaml-syntax' : code === 'bad-merge' ? 'bad-key' : code };
  });
  return tree.place === undefined
    ? unreadable(...problems)
    : { value: tree.value, place: tree.place, problems };
}

function unreadable(...problems: readonly Problem[]): ReadDocument {
  return { value: null, problems };
}

function placedSource(text: SourceText, root: Place): ResourceSource {
  return {
    file: text.file,
    position: (path, part) => positionOf(text, root, path, part),
    line: (number) => text.line(number),
  };
}

function positionOf(
  text: SourceText,
  root: Place,
  path: FieldPath,
  part: 'key' | 'value' | undefined,
): Position {
  let place = root;
  let exact = true;
  for (const step of path) {
    const child =
      typeof step === 'number'
        ? place.elements?.[step]
        : (place.fields?.get(step) ?? place.fields?.get(protoName(step)));
    if (child === undefined) {
      exact = false;
      break;
    }
    place = child;
  }
  const value = part === 'value' || (part === undefined && exact && place.scalar);
  return text.positionAt(value ? place.value : place.key);
}

function broken(text: SourceText, issues: readonly Issue[]): YamlDocument {
  return { value: null, source: placedSource(text, { key: 0, value: 0, scalar: true }), issues };
}

function issueAt(text: SourceText, { code, message, offset }: Problem): Issue {
  const { line, column } = text.positionAt(offset);
  return { code, severity: 'error', message, file: text.file, line, column, excerpt: text.line(line) };
}

function syntaxMessage(message: string): string {
  return `Cannot read the YAML: ${message.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())}`;
}

function decode(bytes: Uint8Array): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return utf16 ? '\uFFFD' : new TextDecoder('utf-8').decode(bytes);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
