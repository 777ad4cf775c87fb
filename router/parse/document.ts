/**
 * Text to documents: each YAML document of a file as plain data with its places, or with what is wrong with
 * it. Imports the yaml library's events.
 */
import { EVENT_ID, type Event } from 'js-yaml';
import type { Issue, IssueCode } from '../issue.ts';
import { protoName } from '../schema/proto-json.ts';
import type { FieldPath, Position, ResourceSource } from '../schema/resource.ts';
import { readEvents } from './event.ts';
import { strictProblem } from './strict.ts';
import { detached, type SourceText, sourceText, splitDocuments } from './text.ts';
import { type Place, readTree } from './tree.ts';

/** A text above this size is refused unread: 8 MiB, some 50,000 rules. */
export const MAX_BYTES = 8 * 1024 * 1024;

/** Of one document so many values that cannot be read are told of. */
const MAX_TREE_ISSUES = 20;

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
  /** Set where the separator between two documents is wrong: Kubernetes' reader loses the one before it, too. */
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
  for (const chunk of splitDocuments(decoded)) {
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
      const { excerpt, closes, ...place } = afterSeparator;
      const message = 'Cannot read text on the line of the separator "---": put it on the next line';
      const issue: Issue = { code: 'yaml-syntax', severity: 'error', message, file, ...place, excerpt };
      const text = sourceText(file, chunk.text, line);
      yield {
        text: chunk.text,
        line,
        documents: [{ ...broken(text, [issue]), ...(closes && { badSeparator: true }) }],
      };
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
  const mark = /^\uFEFF/m.exec(chunk);
  if (mark !== null) {
    const message = 'Cannot read the byte order mark (U+FEFF) here: delete it';
    return [unreadable({ code: 'yaml-syntax', message, offset: mark.index })];
  }
  const control = /[^\t\n\r\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.exec(chunk);
  if (control !== null) {
    const message = `Cannot read the character U+${control[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}: YAML allows no control characters`;
    return [unreadable({ code: 'yaml-syntax', message, offset: control.index })];
  }
  const found = readEvents(chunk);
  if (!('events' in found)) return [unreadable(found)];
  yield undefined;
  const { events, text } = found;
  if (events[0]?.type === EVENT_ID.DOCUMENT && events[0].explicitStart) {
    const message = 'Cannot read "---" here: begin the line with it';
    return [unreadable({ code: 'yaml-syntax', message, offset: text.indexOf('---') })];
  }
  const problem = strictProblem(events, text);
  if (problem !== undefined) return [unreadable({ code: 'yaml-syntax', ...problem })];
  const separator = lineSeparator(events, written);
  if (separator !== undefined) return [unreadable(separator)];
  if (events.length === 0) return [EMPTY];
  const tree = readTree(events, text);
  const problems = tree.problems.slice(0, MAX_TREE_ISSUES).map(({ code, ...rest }): Problem => {
    const syntax = code === 'unknown-alias';
    return { ...rest, code: syntax ? 'yaml-syntax' : code === 'bad-merge' ? 'bad-key' : code };
  });
  return [
    tree.place === undefined ? unreadable(...problems) : { value: tree.value, place: tree.place, problems },
  ];
}

/** A character of a text that other readers take for a line's end, and that is kept as it is here. */
function lineSeparator(events: readonly Event[], written: string): Problem | undefined {
  if (!/[\u2028\u2029]/.test(written)) return undefined;
  for (const event of events) {
    if (event.type !== EVENT_ID.SCALAR || event.valueStart < 0) continue;
    const at = written.slice(event.valueStart, event.valueEnd).search(/[\u2028\u2029]/);
    if (at === -1) continue;
    const message = 'Cannot read the character U+2028 or U+2029: write "\\L" or "\\P" in double quotes';
    return { code: 'yaml-syntax', message, offset: event.valueStart + at };
  }
  return undefined;
}

/** A document of blanks and comments. */
const EMPTY: ReadDocument = { value: null, place: { key: 0, value: 0, scalar: true }, problems: [] };

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

function decode(bytes: Uint8Array): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return utf16 ? '\uFFFD' : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
