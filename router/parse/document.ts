/**
 * Text to documents: each YAML document of a file as plain data with its places, or with what is wrong with
 * it. Imports the yaml library.
 */
import { Composer, type CST, Parser } from 'yaml';
import type { Issue, IssueCode } from '../issue.ts';
import { protoName } from '../schema/proto-json.ts';
import type { FieldPath, Position, ResourceSource } from '../schema/resource.ts';
import { forbiddenTab } from './tab.ts';
import { type SourceText, sourceText, splitDocuments } from './text.ts';
import { type Place, readTree } from './tree.ts';

/** A text above this size is refused unread: 8 MiB, some 50,000 rules. */
export const MAX_BYTES = 8 * 1024 * 1024;

/** One document that is no YAML is told of so many times. */
const MAX_SYNTAX_ISSUES = 3;

/** One document: what `kubectl` would take for one object. */
export interface YamlDocument {
  /** Plain data; null for an empty document and for one with {@link issues}. Maps have no prototype. */
  readonly value: unknown;
  /** Places of its fields, paths from the document's root. */
  readonly source: ResourceSource;
  /** Why the document cannot be read; all of them errors. */
  readonly issues: readonly Issue[];
  /** Set where the separator before the document is wrong: Kubernetes' reader loses the document before it, too. */
  readonly badSeparator?: true;
}

/** The documents of a text; what is wrong with the text as a whole is told in `issues`. */
export function readDocuments(
  input: string | Uint8Array,
  file: string,
): { documents: YamlDocument[]; issues: Issue[] } {
  const size = input.length;
  if (size > MAX_BYTES) {
    const message = `Cannot read ${(size / 1024 / 1024).toFixed(1)} MiB: the limit is ${MAX_BYTES / 1024 / 1024} MiB, split the file`;
    return { documents: [], issues: [{ code: 'file-too-large', severity: 'error', message, file }] };
  }
  const decoded = typeof input === 'string' ? input : decode(input);
  const text = sourceText(file, decoded.startsWith('\uFEFF') ? decoded.slice(1) : decoded);
  const documents: YamlDocument[] = [];
  for (const chunk of splitDocuments(text.text)) {
    const invalid = typeof input === 'string' ? -1 : chunk.text.indexOf('\uFFFD');
    if (invalid !== -1 && !isUtf8(input as Uint8Array)) {
      const message = 'Cannot read the text here: it is not UTF-8, save the file in that encoding';
      documents.push(broken(text, [issueAt(text, 'not-utf8', message, chunk.offset + invalid)]));
      continue;
    }
    if (chunk.afterSeparator !== undefined) {
      const message = 'Cannot read text on the line of the separator "---": put it on the next line';
      const issue = issueAt(text, 'yaml-syntax', message, chunk.afterSeparator.offset);
      documents.push({ ...broken(text, [issue]), badSeparator: true });
      continue;
    }
    documents.push(...readChunk(text, chunk.text, chunk.offset));
  }
  return { documents, issues: [] };
}

function readChunk(text: SourceText, written: string, base: number): YamlDocument[] {
  // YAML 1.1 has more line breaks than the library knows; one character for one, so that places stay.
  const chunk = written.replaceAll(/\r(?!\n)|[\u0085\u2028\u2029]/g, '\n');
  const control = /[^\t\n\r\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.exec(chunk);
  if (control !== null) {
    const message = `Cannot read the character U+${control[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}: YAML allows no control characters`;
    return [broken(text, [issueAt(text, 'yaml-syntax', message, base + control.index)])];
  }
  const tab = forbiddenTab(chunk);
  if (tab !== undefined) {
    const message = 'Cannot read the tab here: indent with spaces';
    return [broken(text, [issueAt(text, 'yaml-syntax', message, base + tab)])];
  }
  // Scalars are read by our own rules, so no schema of the library's resolves them.
  const composer = new Composer({
    version: '1.1',
    schema: 'failsafe',
    uniqueKeys: false,
    logLevel: 'silent',
  });
  const parsed = [...composer.compose(withFewErrors(new Parser().parse(chunk)))];
  return parsed.map((document) => {
    if (document.errors.length > 0) {
      const issues = document.errors.slice(0, MAX_SYNTAX_ISSUES).map((error) => {
        const code: IssueCode = error.code === 'RESOURCE_EXHAUSTION' ? 'too-deep' : 'yaml-syntax';
        return issueAt(
          text,
          code,
          code === 'too-deep' ? 'Cannot read nesting this deep' : syntaxMessage(error.message),
          base + error.pos[0],
        );
      });
      return broken(text, issues);
    }
    const tree = readTree(document, chunk);
    if (tree.problems.length > 0) {
      return broken(
        text,
        tree.problems.slice(0, 20).map(({ code, message, offset }) => {
          const known: IssueCode =
            code === 'unknown-alias' || code === 'bad-flow'
              ? 'yaml-syntax'
              : code === 'bad-merge'
                ? 'bad-key'
                : code;
          return issueAt(text, known, message, base + offset);
        }),
      );
    }
    return { value: tree.value, source: placedSource(text, tree.place, base), issues: [] };
  });
}

/** Leaves out what nobody is told of: an error of the library's for each of a million characters takes minutes. */
function* withFewErrors(tokens: Iterable<CST.Token>): Iterable<CST.Token> {
  let errors = 0;
  for (const token of tokens) {
    if (token.type === 'error') errors += 1;
    else if (token.type === 'document' || token.type === 'doc-end') errors = 0;
    if (errors <= MAX_SYNTAX_ISSUES || token.type !== 'error') yield token;
  }
}

function placedSource(text: SourceText, root: Place, base: number): ResourceSource {
  return {
    file: text.file,
    position: (path, part) => positionOf(text, root, base, path, part),
    line: (number) => text.line(number),
  };
}

function positionOf(
  text: SourceText,
  root: Place,
  base: number,
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
  return text.positionAt(base + (value ? place.value : place.key));
}

function broken(text: SourceText, issues: readonly Issue[]): YamlDocument {
  const place = { key: 0, value: 0, scalar: true };
  return { value: null, source: placedSource(text, place, 0), issues };
}

function issueAt(text: SourceText, code: IssueCode, message: string, offset: number): Issue {
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
