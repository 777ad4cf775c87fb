/** A bar that grows while a long work is done; on a terminal alone. */

/** See {@link createProgress}. */
export interface Progress {
  show(done: number): void;
  /** Takes the bar away. */
  end(): void;
}

const WIDTH = 30;
/** The bar is drawn anew at most so often. */
const INTERVAL_MS = 80;
/** What is done sooner needs no bar. */
const PATIENCE_MS = 200;

/** A bar for so many pieces of work. */
export function createProgress(total: number, stream: NodeJS.WriteStream): Progress {
  const start = performance.now();
  let last = start + PATIENCE_MS - INTERVAL_MS;
  let isShown = false;
  return {
    show(done) {
      const now = performance.now();
      if (!stream.isTTY || now - last < INTERVAL_MS) return;
      last = now;
      isShown = true;
      const share = total === 0 ? 1 : done / total;
      const filled = Math.round(share * WIDTH);
      stream.write(`\r${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${Math.floor(100 * share)} %`);
    },
    end() {
      if (isShown) stream.write(`\r${' '.repeat(WIDTH + 6)}\r`);
    },
  };
}
