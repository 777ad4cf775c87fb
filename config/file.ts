/**
 * Resources from a file, or from the files of one folder, read again as they are saved. The only module of
 * config that touches a disk.
 *
 * What counts is what `stat` says: the folders' change events only make us look at once, and a slow poll finds
 * what they miss (network mounts, symbolic links that lead elsewhere). A file is read when it has been still for
 * a moment, as editors and `>` empty a file before they fill it.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import type { Issue } from '../router/issue.ts';
import { sizeIssue } from '../router/parse/document.ts';
import { resourceKey } from '../router/schema/resource.ts';
import { type Reading, readText } from './document.ts';
import type { ConfigSource, SourceSnapshot } from './source.ts';

/** Endings of the files that are read from a folder. A file named by itself may end in anything. */
const FILE_ENDINGS: readonly string[] = ['.yaml', '.yml', '.json'];

/** True for the name of a file that is read from a folder. Those like `shop.test.yaml` hold tests of the rules beside them. */
export function isRuleFile(name: string): boolean {
  return !name.startsWith('.') && !isTestFile(name) && FILE_ENDINGS.includes(extname(name).toLowerCase());
}

/** True for the name of a file of route tests: `shop.test.yaml`. */
export function isTestFile(name: string): boolean {
  const ending = extname(name);
  return FILE_ENDINGS.includes(ending.toLowerCase()) && name.slice(0, -ending.length).endsWith('.test');
}

/** How long a file has to be still before it is read, in milliseconds. */
const SETTLE_MS = 40;
/** The same for a file that looks half written (no newline at its end) or is gone. */
const SUSPECT_MS = 300;
/** The same for an empty one: who means to take rules away deletes the file, who writes it may be slow to begin. */
const EMPTY_MS = 1000;
/** A file that never comes to rest is read anyway after this long. */
const RESTLESS_MS = 700;
/** What asks for a look does not wait longer than this for files to come to rest. */
const REFRESH_LIMIT_MS = 1500;
const POLL_MS = 250;
/** The poll of a folder that takes long to look at backs off to this. */
const SLOWEST_POLL_MS = 600;
/** Events that come closer together than this are looked at once. */
const GATHER_MS = 10;
/** File systems round the time of a write up to about this; two writes within it can leave the same stamp. */
const STAMP_GRAIN_MS = 50;

/**
 * A source for a file or folder. A folder gives its own `.yaml`, `.yml` and `.json` files in the order of their
 * names, as `kubectl apply -f` takes them: not those of folders inside it, and none whose name begins with a dot or
 * ends in `.test.yaml` and the like.
 * A path that does not exist yet is an issue until it appears.
 */
export function fileSource(path: string): ConfigSource {
  let watching: FileWatch | undefined;
  return {
    name: path,
    start(onSnapshot, signal) {
      watching = new FileWatch(path, onSnapshot, signal);
      return watching.start();
    },
    refresh: async () => watching?.refresh(),
  };
}

interface Read {
  readonly kind: 'read';
  /** Changes with every write, replacement or swap of a link. */
  readonly stamp: string;
  /** Read so soon after the write that a second one may hide behind the same stamp. */
  readonly fresh: boolean;
  readonly bytes: Uint8Array;
  readonly reading: Reading;
}

interface Unreadable {
  readonly kind: 'unreadable';
  readonly stamp: string;
  readonly issue: Issue;
}

interface Pending {
  readonly stamp: string;
  /** When this stamp was first seen, on `performance.now()`. */
  readonly since: number;
  /** When the file first differed from what was read. */
  readonly changed: number;
}

/** What a look at the path found: files with their stamps, or why there are none. */
interface Listing {
  readonly stamps: ReadonlyMap<string, string | Error>;
  readonly issue?: Issue;
  /** The path itself could not be read, so nothing is known of its files. */
  readonly blind: boolean;
}

const GONE = 'gone';

class FileWatch {
  readonly #path: string;
  readonly #onSnapshot: (snapshot: SourceSnapshot) => void;
  readonly #signal: AbortSignal;
  readonly #files = new Map<string, Read | Unreadable>();
  readonly #pending = new Map<string, Pending>();
  readonly #watchers = new Map<string, FSWatcher>();
  #pathIssue: Issue | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Number.POSITIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();

  constructor(path: string, onSnapshot: (snapshot: SourceSnapshot) => void, signal: AbortSignal) {
    this.#path = path;
    this.#onSnapshot = onSnapshot;
    this.#signal = signal;
  }

  async start(): Promise<void> {
    this.#signal.addEventListener('abort', () => this.#end(), { once: true });
    await this.#enqueue(true);
  }

  /**
   * Resolves when everything that was saved before the call has been reported. What is saved after it is not waited
   * for, and neither is for long a file that is written to without end.
   */
  async refresh(): Promise<void> {
    await this.#enqueue(false);
    const looked = performance.now();
    const isAwaited = ({ changed }: Pending) => changed <= looked;
    while ([...this.#pending.values()].some(isAwaited) && performance.now() < looked + REFRESH_LIMIT_MS) {
      if (this.#signal.aborted) return;
      await new Promise((done) => setTimeout(done, GATHER_MS));
      await this.#enqueue(false);
    }
  }

  #end(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** One look at a time, each seeing the state the one before left. */
  #enqueue(first: boolean): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look(first));
    return this.#looking;
  }

  #lookIn(delayMs: number): void {
    const due = performance.now() + delayMs;
    if (this.#signal.aborted || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      void this.#enqueue(false);
    }, delayMs);
  }

  async #look(first: boolean): Promise<void> {
    if (this.#signal.aborted) return;
    const started = performance.now();
    const listing = await list(this.#path);
    const saved = new Set<string>();
    let changed = first;
    if (!listing.blind) {
      for (const file of new Set([...listing.stamps.keys(), ...this.#files.keys()])) {
        const outcome = await this.#lookAt(file, listing.stamps.get(file), first);
        if (outcome === 'unchanged') continue;
        changed = true;
        if (outcome === 'saved') saved.add(file);
      }
    }
    // While files of a path that is missing are still held, an editor may be about to put it back.
    const pathIssue = listing.blind || this.#files.size === 0 ? listing.issue : undefined;
    if (pathIssue?.message !== this.#pathIssue?.message) changed = true;
    this.#pathIssue = pathIssue;

    await this.#watchFolders();
    if (this.#signal.aborted) return;
    if (changed) this.#onSnapshot(this.#snapshot(saved));
    const costMs = performance.now() - started;
    this.#lookIn(Math.min(Math.max(POLL_MS, 10 * costMs), SLOWEST_POLL_MS));
  }

  async #lookAt(
    file: string,
    found: string | Error | undefined,
    first: boolean,
  ): Promise<'unchanged' | 'changed' | 'saved'> {
    const known = this.#files.get(file);
    const stamp = found === undefined ? GONE : found instanceof Error ? found.message : found;
    if (known?.stamp === stamp && !(known.kind === 'read' && known.fresh)) {
      this.#pending.delete(file);
      return 'unchanged';
    }
    const now = performance.now();
    const before = this.#pending.get(file);
    const pending: Pending =
      before?.stamp === stamp ? before : { stamp, since: now, changed: before?.changed ?? now };
    const stillMs = now - pending.since;
    const restless = now - pending.changed >= RESTLESS_MS;
    const wait = (untilMs: number): 'unchanged' => {
      this.#pending.set(file, pending);
      this.#lookIn(Math.max(untilMs - stillMs, 1));
      return 'unchanged';
    };
    const settled = (next: Read | Unreadable | undefined): void => {
      this.#pending.delete(file);
      if (next === undefined) this.#files.delete(file);
      else this.#files.set(file, next);
    };

    if (found === undefined) {
      if (stillMs < SUSPECT_MS) return wait(SUSPECT_MS);
      settled(undefined);
      return 'changed';
    }
    if (!first && !restless && stillMs < SETTLE_MS) return wait(SETTLE_MS);
    if (found instanceof Error) {
      settled({ kind: 'unreadable', stamp, issue: unreadableIssue(file, found) });
      return 'changed';
    }

    const next = await read(file, stamp);
    if (next === undefined) return wait(stillMs + SETTLE_MS); // written to while it was read
    if ('issue' in next) {
      settled(next);
      return 'changed';
    }
    const earlier = known?.kind === 'read' ? known : undefined;
    const same = earlier !== undefined && Buffer.compare(earlier.bytes, next.bytes) === 0;
    const restMs = first || same ? 0 : restOf(next.bytes, restless);
    if (stillMs < restMs) return wait(restMs);
    const reading = same ? earlier.reading : await this.#read(file, next.bytes, earlier?.reading);
    if (reading === undefined) return 'unchanged';
    settled({ ...next, reading });
    return same && earlier.stamp === stamp ? 'unchanged' : 'saved';
  }

  /** Undefined when the watching has ended meanwhile. */
  async #read(file: string, bytes: Uint8Array, previous: Reading | undefined): Promise<Reading | undefined> {
    const signal = this.#signal;
    try {
      return await readText(bytes, file, { signal, ...(previous && { previous }) });
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  #snapshot(savedFiles: ReadonlySet<string>): SourceSnapshot {
    const files = [...this.#files].sort(([a], [b]) => (a < b ? -1 : 1));
    const readings = files.flatMap(([file, known]) =>
      known.kind === 'read' ? [{ file, ...known.reading }] : [],
    );
    const failures = files.flatMap(([, known]) => (known.kind === 'unreadable' ? [known.issue] : []));
    const unreadable = files
      .filter(([, known]) => known.kind === 'unreadable' || !known.reading.whole)
      .map(([file]) => file);
    return {
      resources: readings.flatMap(({ resources }) => resources),
      issues: [
        ...(this.#pathIssue === undefined ? [] : [this.#pathIssue]),
        ...failures,
        ...readings.flatMap(({ issues }) => issues),
      ],
      refused: readings.flatMap(({ refused }) => refused),
      unreadable,
      saved: readings
        .filter(({ file }) => savedFiles.has(file))
        .flatMap(({ resources }) => resources.map(resourceKey)),
    };
  }

  /** Watches the folders whose events can tell of a change; one that cannot be watched is left to the poll. */
  async #watchFolders(): Promise<void> {
    const wanted = await foldersOf(this.#path);
    if (this.#signal.aborted) return;
    for (const [identity, watcher] of this.#watchers) {
      if (wanted.has(identity)) continue;
      watcher.close();
      this.#watchers.delete(identity);
    }
    for (const [identity, folder] of wanted) {
      if (this.#watchers.has(identity)) continue;
      try {
        const watcher = watch(folder, () => this.#lookIn(GATHER_MS));
        const drop = () => {
          watcher.close();
          if (this.#watchers.get(identity) === watcher) this.#watchers.delete(identity);
        };
        watcher.on('error', drop);
        this.#watchers.set(identity, watcher);
      } catch {
        // No watches left, or a file system without them: the poll finds every change a little later.
      }
    }
  }
}

/** The files that the path stands for, with what tells one version of each from the next. */
async function list(path: string): Promise<Listing> {
  let names: string[];
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return { stamps: new Map([[path, stampOf(found)]]), blind: false };
    names = (await readdir(path)).filter(isRuleFile).sort();
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR')
      return { stamps: new Map(), issue: unreadableIssue(path, cause), blind: true };
    const message = `Cannot find "${path}": nothing is there yet; it is read as soon as it appears`;
    return {
      stamps: new Map(),
      issue: { code: 'file-missing', severity: 'error', message, file: path },
      blind: false,
    };
  }
  const stamps = new Map<string, string | Error>();
  for (const name of names) {
    const file = join(path, name);
    try {
      const found = await stat(file);
      if (!found.isDirectory()) stamps.set(file, stampOf(found));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') stamps.set(file, error as Error);
    }
  }
  return { stamps, blind: false };
}

function stampOf(found: { ino: number; size: number; mtimeMs: number; ctimeMs: number }): string {
  return [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ');
}

/** The file's bytes as they stand, or undefined when they changed during the reading. */
async function read(file: string, stamp: string): Promise<Omit<Read, 'reading'> | Unreadable | undefined> {
  try {
    const before = await stat(file);
    if (stampOf(before) !== stamp) return undefined;
    if (!before.isFile()) throw new Error('it is no regular file');
    const issue = sizeIssue(before.size, file);
    if (issue !== undefined) return { kind: 'unreadable', stamp, issue };
    const bytes = await readFile(file);
    if (stampOf(await stat(file)) !== stamp) return undefined;
    const fresh = Math.abs(Date.now() - before.mtimeMs) < STAMP_GRAIN_MS;
    return { kind: 'read', stamp, fresh, bytes };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { kind: 'unreadable', stamp, issue: unreadableIssue(file, error as Error) };
  }
}

/** How long a file with these bytes has to be still before it is believed, in milliseconds. */
function restOf(bytes: Uint8Array, restless: boolean): number {
  if (bytes.length === 0) return EMPTY_MS;
  return restless || bytes.at(-1) === 0x0a ? 0 : SUSPECT_MS;
}

function unreadableIssue(file: string, cause: NodeJS.ErrnoException): Issue {
  const reasons: Record<string, string> = {
    EACCES: 'permission denied; make it readable for this user',
    EPERM: 'permission denied; make it readable for this user',
    ELOOP: 'its symbolic links lead in a circle',
    EMFILE: 'too many files are open; raise the limit with ulimit -n',
  };
  const reason = reasons[cause.code ?? ''] ?? cause.message;
  return { code: 'file-unreadable', severity: 'error', message: `Cannot read "${file}": ${reason}`, file };
}

/**
 * The folder that the path is, or that holds it, or its nearest parent that exists; and where symbolic links
 * lead. Keyed by name and inode, as a folder that was replaced needs a new watch.
 */
async function foldersOf(path: string): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  const add = async (folder: string) => {
    folders.set(`${folder} ${(await stat(folder)).ino}`, folder);
  };
  let place = resolve(path);
  for (;;) {
    try {
      if ((await stat(place)).isDirectory()) await add(place);
      else {
        await add(dirname(place));
        await add(dirname(await realpath(place)));
      }
      return folders;
    } catch {
      if (dirname(place) === place) return folders;
      place = dirname(place);
    }
  }
}
