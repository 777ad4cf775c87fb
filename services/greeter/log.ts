/** The log of the greeter's programs: one line an event, in the tutorial's form. Imports nothing. */

export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

/**
 * Returns one log line without its line end: ISO time with milliseconds, level and message, separated by tabs.
 * Line breaks and tabs in the message become spaces, so that an event stays a line and a line three fields.
 */
export function logLine(time: Date, level: LogLevel, message: string): string {
  return `${time.toISOString()}\t${level}\t${message.replace(/[\r\n\t]+/g, ' ')}`;
}

/** Writes a line of now to standard output. */
export function log(level: LogLevel, message: string): void {
  process.stdout.write(`${logLine(new Date(), level, message)}\n`);
}
