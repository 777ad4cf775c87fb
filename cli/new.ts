/** `pointsman new app`: a service with its API, rules, client and tests, that runs at once. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { makeFolder } from '../config/folder.ts';
import metadata from '../package.json' with { type: 'json' };
import { defineCommand, jsonOption } from './command.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { print, printJson } from './terminal.ts';

interface NewOptions {
  readonly pointsman?: string;
  readonly json?: true;
}

/** What the template is written for, in each spelling that a name has in the files. */
const WRITTEN_FOR = { kebab: 'app-name', snake: 'app_name', pascal: 'AppName' };

/** Declares the command. */
export function newCommand(): Command {
  return defineCommand('new', 'Make something new from a template.', ['pointsman new app shop']).addCommand(
    defineCommand('app', 'Make a service with its API, traffic rules, client and tests, that runs at once.', [
      'pointsman new app shop',
      'pointsman new app packages/shop-cart    # a folder in a workspace; the app is named shop-cart',
    ])
      .argument('<name>', 'name of the app, or the path of its folder, which must be empty or absent')
      .option('--pointsman <spec>', 'where npm gets pointsman from (default: this version)')
      .addOption(jsonOption())
      .action(newApp),
  );
}

function newApp(path: string, options: NewOptions): void {
  const folder = resolve(path);
  const name = checkName(basename(folder));
  refuseToOverwrite(folder, path);
  const template = templateFolder();
  const spelt = spellings(name);
  const files = filesBelow(template).map((file) => {
    const text = respell(readFileSync(join(template, file), 'utf8'), spelt);
    const place = respell(file, spelt).replace(/^gitignore$/, '.gitignore');
    return { place, text: place === 'package.json' ? withVersions(text, options.pointsman) : text };
  });
  try {
    for (const { place, text } of files) {
      makeFolder(dirname(join(folder, place)));
      writeFileSync(join(folder, place), text, { flag: 'wx' });
    }
  } catch (error) {
    throw new CommandFailure(
      `Cannot make an app in "${path}": ${(error as Error).message}; choose a folder that can be written to`,
    );
  }
  const workspace = workspaceAbove(folder);
  if (options.json) return printJson({ name, folder, files: files.map(({ place }) => place), workspace });
  const here = relative(process.cwd(), folder);
  print(`made ${name} in ${here || '.'}: ${files.length} files

  ${here ? `cd ${here} && ` : ''}npm install && npm run dev    # on http://localhost:8080
  ${here ? `cd ${here} && ` : ''}npm test
${workspace === undefined ? '' : `\n${join(relative(process.cwd(), workspace) || '.', 'package.json')} has workspaces: see that one of them holds this folder, and npm installs once for all.\n`}`);
}

/** A label of a host name, as rules and Kubernetes name services; also the name of an npm package. */
function checkName(name: string): string {
  if (/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name) && !name.includes('--') && name.length <= 63) return name;
  const close = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);
  throw usageFailure(
    `Cannot name an app "${name}": want at most 63 lower-case letters, digits and single hyphens, beginning with a letter${
      close ? `, for example ${close}` : ''
    }`,
  );
}

function refuseToOverwrite(folder: string, path: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new CommandFailure(`Cannot make an app in "${path}": it is a file; choose another name`);
  const [first] = readdirSync(folder).filter((entry) => entry !== '.git');
  if (first !== undefined)
    throw new CommandFailure(
      `Cannot make an app in "${path}": it is not empty, it has ${first}; choose another name`,
    );
}

function templateFolder(): string {
  const folder = join(import.meta.dirname, 'template/app');
  if (!existsSync(folder))
    throw new CommandFailure(
      'Cannot make an app: this program comes without the template; use npx pointsman new app, or a clone',
    );
  return folder;
}

/** Paths of all files below a folder, from there. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function spellings(kebab: string): typeof WRITTEN_FOR {
  const words = kebab.split('-');
  return {
    kebab,
    snake: words.join('_'),
    pascal: words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(''),
  };
}

function respell(text: string, spelt: typeof WRITTEN_FOR): string {
  return text
    .replaceAll(WRITTEN_FOR.kebab, spelt.kebab)
    .replaceAll(WRITTEN_FOR.snake, spelt.snake)
    .replaceAll(WRITTEN_FOR.pascal, spelt.pascal);
}

/** The versions that this one is tested with. */
function withVersions(text: string, pointsman = metadata.version): string {
  const known: Readonly<Record<string, string>> = {
    ...metadata.devDependencies,
    ...metadata.dependencies,
    pointsman,
  };
  return text.replace(
    /^( {4}"(.+)": )""/gm,
    (_, before: string, name: string) => `${before}"${known[name]}"`,
  );
}

/** The nearest folder above whose package.json has workspaces. */
function workspaceAbove(folder: string): string | undefined {
  for (let at = dirname(folder); ; at = dirname(at)) {
    const manifest = join(at, 'package.json');
    if (existsSync(manifest) && hasWorkspaces(readFileSync(manifest, 'utf8'))) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** False for what is no manifest: it is somebody else's, and the app is made already. */
function hasWorkspaces(manifest: string): boolean {
  try {
    return 'workspaces' in (JSON.parse(manifest) as object);
  } catch {
    return false;
  }
}
