/** The lines of a file or of standard input, one at a time, so that a log of any size can be read. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CommandFailure, EXIT } from './failure.ts';

/** The lines of the file, of standard input for `-`. Throws a {@link CommandFailure} for one that cannot be read. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let failure: Error | undefined;
  input.once('error', (error: Error) => {
    failure = error;
    // Not every runtime ends the lines of an input that has failed.
    lines.close();
  });
  try {
    yield* lines;
  } catch (error) {
    // Others end them with it.
    failure ??= error as Error;
  }
  if (failure) throw new CommandFailure(`Cannot read "${file}": ${failure.message}`, EXIT.usage);
}
