/** The access log that the command line asks for: its format is read, and its file opened, before anything listens. */
import type { AccessLogOptions } from '../gateway/index.ts';
import { compileAccessLog } from '../gateway/telemetry/access-log.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { createLineWriter } from './line-writer.ts';
import type { Log } from './log.ts';

/** An open access log. */
export interface OpenAccessLog {
  readonly options: AccessLogOptions;
  /** Resolves when all lines are written. */
  close(): Promise<void>;
}

/** Undefined where none is asked for. Throws a CommandFailure for a format or file that cannot be used. */
export function openAccessLog(
  format: string | undefined,
  path: string | undefined,
  log: Log,
): OpenAccessLog | undefined {
  if (format === undefined) {
    if (path === undefined) return undefined;
    throw usageFailure('Cannot tell how to log requests: give --access-log, for example --access-log text');
  }
  try {
    compileAccessLog(format);
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
  try {
    const writer = createLineWriter(path, (message) => log('WARN', message));
    return { options: { format, write: (line) => writer.write(line) }, close: () => writer.close() };
  } catch (error) {
    throw new CommandFailure(
      `Cannot log requests to "${path}": ${(error as Error).message}; name a file that can be written to`,
    );
  }
}
