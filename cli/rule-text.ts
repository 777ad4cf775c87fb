/** The texts that a command is pointed at, unread: files, the rule files of folders, and standard input. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRuleFile, isTestFile } from '../config/file.ts';
import type { Issue } from '../router/issue.ts';
import { MAX_BYTES, sizeIssue } from '../router/parse/document.ts';
import { CommandFailure, EXIT } from './failure.ts';

/** One file, or standard input as `-`. */
export interface RuleText {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** What is there, and what cannot be read. */
export interface RuleTexts {
  readonly texts: readonly RuleText[];
  readonly issues: readonly Issue[];
}

/**
 * Reads the paths in their order; of a folder its own rule files by name, and with `tests` those of route tests
 * too. Throws for a path that is not there.
 */
export async function readTexts(
  paths: readonly string[],
  { tests = false }: { readonly tests?: boolean } = {},
): Promise<RuleTexts> {
  const texts: RuleText[] = [];
  const issues: Issue[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path, tests)) {
      const read = await readOne(file);
      if ('bytes' in read) texts.push(read);
      else issues.push(read);
    }
  }
  return { texts, issues };
}

async function filesOf(path: string, tests: boolean): Promise<string[]> {
  if (path === '-') return [path];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter(
        (entry) => !entry.isDirectory() && (isRuleFile(entry.name) || (tests && isTestFile(entry.name))),
      )
      .map(({ name }) => join(path, name))
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new CommandFailure(`Cannot find "${path}": no such file or folder`, EXIT.usage);
    return [path];
  }
}

async function readOne(file: string): Promise<RuleText | Issue> {
  if (file === '-') return { file, bytes: await readStandardInput() };
  try {
    const issue = sizeIssue((await stat(file)).size, file);
    return issue ?? { file, bytes: await readFile(file) };
  } catch (error) {
    const message = `Cannot read "${file}": ${(error as Error).message}`;
    return { code: 'file-unreadable', severity: 'error', message, file };
  }
}

/** Standard input, which is left alone once it is larger than any text may be: the parser then says so. */
export async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BYTES) break;
  }
  return Buffer.concat(chunks);
}
