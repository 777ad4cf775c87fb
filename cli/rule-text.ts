/** The texts that a command is pointed at, unread: files, the rule files of folders, and standard input. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { FILE_ENDINGS, MAX_FILE_BYTES } from '../config/file.ts';
import type { Issue } from '../router/issue.ts';
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

/** Reads the paths in their order; of a folder its own rule files by name. Throws for a path that is not there. */
export async function readTexts(paths: readonly string[]): Promise<RuleTexts> {
  const texts: RuleText[] = [];
  const issues: Issue[] = [];
  for (const path of paths) {
    for (const file of await filesOf(path)) {
      try {
        texts.push({ file, bytes: await readOne(file) });
      } catch (error) {
        issues.push(unreadable(file, error as Error));
      }
    }
  }
  return { texts, issues };
}

async function filesOf(path: string): Promise<string[]> {
  if (path === '-') return [path];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && isRuleFile(entry.name))
      .map(({ name }) => join(path, name))
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new CommandFailure(`Cannot find "${path}": no such file or folder`, EXIT.usage);
    return [path];
  }
}

function isRuleFile(name: string): boolean {
  return !name.startsWith('.') && (FILE_ENDINGS as readonly string[]).includes(extname(name).toLowerCase());
}

class TooLarge extends RangeError {}

async function readOne(file: string): Promise<Uint8Array> {
  if (file !== '-') {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new TooLarge(`${size} bytes are over the limit of ${MAX_FILE_BYTES}`);
    return readFile(file);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += chunk.length;
    if (size > MAX_FILE_BYTES) throw new TooLarge(`it is over the limit of ${MAX_FILE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unreadable(file: string, error: Error): Issue {
  return error instanceof TooLarge
    ? {
        code: 'file-too-large',
        severity: 'error',
        message: `Cannot take "${file}": ${error.message}; split the file`,
        file,
      }
    : {
        code: 'file-unreadable',
        severity: 'error',
        message: `Cannot read "${file}": ${error.message}`,
        file,
      };
}
