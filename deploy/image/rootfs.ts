/**
 * Makes the file tree of an image: the compiled program, the tutorial's rules and the list of what it is made of; and, for one
 * that needs no base, its loader and the libraries it is linked with, certificates being Bun's own. Every architecture can
 * be made on every other.
 *
 *     bun deploy/image/rootfs.ts [--arch amd64,arm64] [--out dist/rootfs] [--without-libraries]
 *
 * The libraries are those of this system for its own architecture, else of Debian's package for the other one.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch as hostArch, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import metadata from '../../package.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '../..');

interface Architecture {
  /** As Bun and npm name it. */
  readonly bun: string;
  /** Bun's package with the runtime. */
  readonly package: string;
  /** As Node names it. */
  readonly node: string;
  /** The path of the loader, which is written into each program. */
  readonly loader: string;
}

/** By the names of OCI images. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  amd64: {
    bun: 'bun-linux-x64',
    package: '@oven/bun-linux-x64',
    node: 'x64',
    loader: '/lib64/ld-linux-x86-64.so.2',
  },
  arm64: {
    bun: 'bun-linux-arm64',
    package: '@oven/bun-linux-aarch64',
    node: 'arm64',
    loader: '/lib/ld-linux-aarch64.so.1',
  },
};

/** What Bun's runtime is linked with; all of it comes with glibc. */
const LIBRARIES = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2'];

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: hostArch() === 'arm64' ? 'arm64' : 'amd64' },
    out: { type: 'string', default: join(root, 'dist/rootfs') },
    'without-libraries': { type: 'boolean', default: false },
  },
});
for (const name of values.arch.split(',')) {
  const architecture = ARCHITECTURES[name];
  if (architecture === undefined)
    throw new RangeError(
      `Cannot make an image for "${name}": use ${Object.keys(ARCHITECTURES).join(' or ')}`,
    );
  make(
    name,
    architecture,
    values['without-libraries'] ? resolve(values.out) : join(resolve(values.out), name),
  );
}

function make(name: string, architecture: Architecture, out: string): void {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  compile(architecture, join(out, 'pointsman'));
  if (!values['without-libraries']) addLibraries(name, architecture, out);
  cpSync(join(root, 'deploy/istio'), join(out, 'deploy/istio'), { recursive: true });
  const documents = join(out, 'usr/share/doc/pointsman');
  mkdirSync(documents, { recursive: true });
  cpSync(join(root, 'LICENSE'), join(documents, 'LICENSE'));
  writeFileSync(join(documents, 'sbom.spdx.json'), sbom());
  // The folder of the rules is there, so that it can be mounted over a read-only root.
  mkdirSync(join(out, 'etc/pointsman'), { recursive: true });
}

/** Bytecode saves the parsing at each start, which is most of it. */
function compile(architecture: Architecture, program: string): void {
  const runtime = runtimeOf(architecture);
  execFileSync(
    join(root, 'node_modules/.bin/bun'),
    [
      ...['build', '--compile', '--minify', '--bytecode', '--format=esm', `--target=${architecture.bun}`],
      ...(runtime === undefined ? [] : [`--compile-executable-path=${runtime}`]),
      ...[join(root, 'deploy/image/main.ts'), `--outfile=${program}`],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

/** Bun for another architecture, by npm; undefined where the Bun that runs this is the one. */
function runtimeOf({ node, package: name }: Architecture): string | undefined {
  if (node === hostArch()) return undefined;
  const version = metadata.devDependencies.bun;
  const cache = join(root, 'node_modules/.cache/bun', `${basename(name)}-${version}`);
  const program = join(cache, 'package/bin/bun');
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true });
    const packed = execFileSync(
      'npm',
      ['pack', '--silent', `--pack-destination=${cache}`, `${name}@${version}`],
      {
        encoding: 'utf8',
      },
    );
    execFileSync('tar', ['-xzf', join(cache, packed.trim()), '-C', cache]);
  }
  return program;
}

function addLibraries(name: string, { node, loader }: Architecture, out: string): void {
  const folder = node === hostArch() ? undefined : debianLibraries(name);
  const place = join(out, 'lib');
  mkdirSync(place, { recursive: true });
  const find = (file: string): string => {
    const found = folder === undefined ? systemLibrary(file, loader) : join(folder, file);
    if (found === undefined || !existsSync(found)) throw new Error(`Cannot find ${file} for ${name}`);
    return realpathSync(found);
  };
  for (const library of LIBRARIES) cpSync(find(library), join(place, library));
  mkdirSync(join(out, dirname(loader)), { recursive: true });
  cpSync(find(basename(loader)), join(out, loader));
}

/** Where this system's loader finds a library. */
function systemLibrary(file: string, loader: string): string | undefined {
  if (file === basename(loader)) return loader;
  const cache = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  const kind = hostArch() === 'arm64' ? 'AArch64' : 'x86-64';
  return cache
    .split('\n')
    .find((line) => line.includes(`\t${file} `) && line.includes(kind))
    ?.split(' => ')[1];
}

/** The folder with the libraries of Debian's libc6, got by apt for an architecture that is not this one. */
function debianLibraries(name: string): string {
  const cache = join(root, 'node_modules/.cache/libc6', name);
  if (!existsSync(cache)) {
    const known = execFileSync('dpkg', ['--print-foreign-architectures'], { encoding: 'utf8' }).split('\n');
    if (!known.includes(name)) {
      execFileSync('dpkg', ['--add-architecture', name]);
      execFileSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 'ignore', 'inherit'] });
    }
    const download = mkdtempSync(join(tmpdir(), 'libc6-'));
    execFileSync('apt-get', ['download', '-qq', `libc6:${name}`], {
      cwd: download,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [file = ''] = readdirSync(download);
    mkdirSync(dirname(cache), { recursive: true });
    execFileSync('dpkg-deb', ['-x', join(download, file), cache]);
    rmSync(download, { recursive: true });
  }
  const triplet = name === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const found = [join(cache, 'usr/lib', triplet), join(cache, 'lib', triplet)].find((path) =>
    existsSync(join(path, 'libc.so.6')),
  );
  if (found === undefined) throw new Error(`Cannot find the libraries of libc6 for ${name} in ${cache}`);
  return found;
}

/** What is in the program: the packages it was made of, with Bun itself. */
function sbom(): string {
  return execFileSync('npm', ['sbom', '--omit=dev', '--omit=optional', '--sbom-format=spdx'], {
    cwd: root,
    encoding: 'utf8',
  });
}
