/**
 * Lines written in bulk, to standard output or a file: a request that is logged waits for nothing, and a reader that is
 * too slow costs lines, not memory.
 */
import { createWriteStream, openSync } from 'node:fs';

/** Lines on their way. */
export interface LineWriter {
  /** Takes a line with its end. */
  write(line: string): void;
  /** Resolves when all that was taken is written. */
  close(): Promise<void>;
}

/** Text is handed on when there is so much of it, or after {@link FLUSH_MS}. Source: Envoy's access logs, 64 KiB. */
const FLUSH_CHARS = 64 * 1024;
const FLUSH_MS = 250;
/** Beyond so much that nobody has read, lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * Appends to the file of a path, standard output by default. Throws the system's error for a file that cannot be opened.
 * `warn` is told how many lines were lost, and of a file that can be written no more.
 */
export function createLineWriter(path: string | undefined, warn: (message: string) => void): LineWriter {
  const stream =
    path === undefined
      ? process.stdout
      : createWriteStream(path, { fd: openSync(path, 'a'), autoClose: true });
  let waiting = '';
  let dropped = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (path !== undefined)
    stream.on('error', (error) => warn(`Cannot write the access log to "${path}": ${error.message}`));
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (dropped > 0) {
      warn(`${dropped} lines of the access log were lost: they are read too slowly`);
      dropped = 0;
    }
    const text = waiting;
    waiting = '';
    if (text !== '') stream.write(text);
  };
  return {
    write(line) {
      if (stream.writableLength > MAX_WAITING_BYTES) dropped++;
      else waiting += line;
      if (waiting.length >= FLUSH_CHARS) flush();
      else timer ??= setTimeout(flush, FLUSH_MS).unref();
    },
    close() {
      flush();
      return new Promise((resolve) => {
        if (path === undefined) process.stdout.write('', () => resolve());
        else stream.end(() => resolve());
      });
    },
  };
}
