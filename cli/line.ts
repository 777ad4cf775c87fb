/** The lines of a file or of standard input, one at a time, so that a log of any size can be read. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CommandFailure, EXIT } from './failure.ts';

/** The lines of the file, of standard input for `-`. Throws a {@link CommandFailure} for one that cannot be read. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const failed = new Promise<never>((_, reject) => {
    input.once('error', (error: Error) =>
      reject(new CommandFailure(`Cannot read "${file}": ${error.message}`, EXIT.usage)),
    );
  });
  failed.catch(() => {});
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  while (true) {
    const next = await Promise.race([lines.next(), failed]);
    if (next.done) return;
    yield next.value;
  }
}
