/** Rule texts from a revision of git. */
import { execFile } from 'node:child_process';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { isRuleFile } from '../config/file.ts';
import { CommandFailure, usageFailure } from './failure.ts';

/** A file of a revision; `file` is `REV:PATH`. */
export interface GitText {
  readonly file: string;
  readonly text: string;
}

const run = promisify(execFile);
const MAX_GIT_BYTES = 256 * 1024 * 1024;

/** True for a revision that git knows here. */
export async function isRevision(name: string): Promise<boolean> {
  try {
    await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`], process.cwd());
    return true;
  } catch {
    return false;
  }
}

/** The rule files of a file or folder at a revision, of a folder maybe none. Throws where there is neither. */
export async function gitTexts(revision: string, path: string, cwd = process.cwd()): Promise<GitText[]> {
  if (!(await isRevision(revision)))
    throw usageFailure(`Cannot find "${revision}:${path}": git knows no revision "${revision}" here`);
  const root = (await git(['rev-parse', '--show-toplevel'], cwd)).trim();
  const own = relative(root, resolve(cwd, path)) || '.';
  if (own.startsWith('..')) throw usageFailure(`Cannot read "${path}" from git: it lies outside of ${root}`);
  const listed = await git(['ls-tree', '-z', revision, own === '.' ? './' : own, `${own}/`], root);
  const isThere = own === '.' || listed !== '';
  const names = listed
    .split('\0')
    .flatMap((line) => {
      const [, mode, name] = /^(\d+) blob \w+\t(.*)$/s.exec(line) ?? [];
      return name === undefined ? [] : [{ name, isLink: mode === LINK }];
    })
    .filter(({ name }) => name === own || (isRuleFile(name.split('/').at(-1)!) && dirname(name) === own));
  if (!isThere) throw usageFailure(`Cannot find rules at "${revision}:${path}"`);
  const texts: GitText[] = [];
  for (const { name, isLink } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const text = isLink
      ? await linkedText(revision, name, root)
      : await git(['show', `${revision}:${name}`], root);
    texts.push({ file: `${revision}:${name}`, text });
  }
  return texts;
}

/** The mode of a symbolic link, whose content is the path that it leads to. */
const LINK = '120000';
const MAX_LINKS = 8;

/** The text that a symbolic link of the revision leads to, by way of others, if need be. */
async function linkedText(revision: string, link: string, root: string): Promise<string> {
  let name = link;
  for (let links = 0; links < MAX_LINKS; links++) {
    const target = await git(['show', `${revision}:${name}`], root);
    const next = isAbsolute(target) ? target : join(dirname(name), target);
    if (isAbsolute(next) || next.startsWith('..')) break;
    const [, mode] = /^(\d+) blob /.exec(await git(['ls-tree', revision, next], root)) ?? [];
    if (mode === undefined) break;
    if (mode !== LINK) return git(['show', `${revision}:${next}`], root);
    name = next;
  }
  throw usageFailure(`Cannot read "${revision}:${link}": it is a link to no file of that revision`);
}

async function git(args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await run('git', [...args], { cwd, maxBuffer: MAX_GIT_BYTES });
    return stdout;
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    throw new CommandFailure(`Cannot ask git: ${(stderr || message).trim().split('\n')[0]}`);
  }
}
