/** The log of the long-running commands: one event a line, ISO time, level and message with tabs between. */
import { print } from './terminal.ts';

/** Writes one event. */
export type Log = (level: 'INFO' | 'WARN' | 'ERROR', message: string) => void;

/** A log to standard output; as JSON, an object a line with `time`, `level` and `message`. */
export function createLog(json: boolean): Log {
  return (level, message) => {
    const time = new Date().toISOString();
    if (json) print(JSON.stringify({ time, level, message }));
    else {
      const [first = '', ...rest] = message.split('\n');
      print([`${time}\t${level}\t${first}`, ...rest.map((line) => `\t${line}`)].join('\n'));
    }
  };
}
