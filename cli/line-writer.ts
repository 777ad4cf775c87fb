/**
 * Lines written in bulk, to standard output or a file: a request that is logged waits for nothing, and a reader that is
 * too slow, or a disk that is full, costs lines, not memory.
 */
import { closeSync, openSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';

/** Lines on their way. */
export interface LineWriter {
  /** Takes a line with its end. */
  write(line: string): void;
  /** Resolves when all that was taken is written, or lost. */
  close(): Promise<void>;
}

/** Text is handed on when there is so much of it, or after {@link FLUSH_MS}. Source: Envoy's access logs, 64 KiB. */
const FLUSH_CHARS = 64 * 1024;
const FLUSH_MS = 250;
/** Beyond so much that nobody has read, lines are dropped. */
const MAX_WAITING_CHARS = 16 * 1024 * 1024;

/**
 * Appends to the file of a path, standard output by default. The file is opened anew for each portion: one that was moved
 * away is made again, and a disk that was full is tried again. Throws the system's error for a file that cannot be opened.
 * `warn` is told why lines are being lost, and once that is over how many were.
 */
export function createLineWriter(path: string | undefined, warn: (message: string) => void): LineWriter {
  if (path !== undefined) closeSync(openSync(path, 'a'));
  const append = path === undefined ? printed : (text: string) => appendFile(path, text);
  let waiting = '';
  let lost = 0;
  let isFailing = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> | undefined;

  const writeOnce = async (): Promise<void> => {
    const text = waiting;
    waiting = '';
    try {
      await append(text);
      if (lost > 0) warn(`${lost} lines of the access log were lost`);
      lost = 0;
      isFailing = false;
    } catch (error) {
      lost += text.split('\n').length - 1;
      if (!isFailing)
        warn(`Cannot write the access log to "${path}", its lines are lost: ${(error as Error).message}`);
      isFailing = true;
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing ??= writeOnce().finally(() => {
      writing = undefined;
      if (waiting !== '') flushSoon();
    });
    return writing;
  };
  const flushSoon = (): void => {
    if (waiting.length >= FLUSH_CHARS && writing === undefined) void flush();
    else timer ??= setTimeout(flush, FLUSH_MS).unref();
  };
  return {
    write(line) {
      if (waiting.length > MAX_WAITING_CHARS) lost++;
      else waiting += line;
      flushSoon();
    },
    async close() {
      while (writing !== undefined || waiting !== '') await flush();
      clearTimeout(timer);
    },
  };
}

/** Resolves when a reader has taken it. */
function printed(text: string): Promise<void> {
  return new Promise((done) => process.stdout.write(text, () => done()));
}
