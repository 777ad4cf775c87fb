/** Requests, decisions and accounts of them as people read them. Imports the table's vocabulary. */
import { textOfBytes } from '../table/byte-text.ts';

/** What is text already: names of rules and files, and what an answer says. */
const TEXT: ReadonlySet<string> = new Set(['rule', 'route', 'body', 'grpc']);

/**
 * The same `RouteRequest`, `Decision` or `Explanation` with its bytes as the text that they spell: for print, not to
 * be routed or sent. A body of bytes is as a rule has it, `{ bytes: BASE64 }`.
 */
export function readable<T>(value: T): T {
  return readableAt(undefined, value) as T;
}

function readableAt(field: string | undefined, value: unknown): unknown {
  if (value instanceof Uint8Array)
    return { bytes: btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join('')) };
  if (field !== undefined && TEXT.has(field)) return value;
  // Patterns stay as written, as they are text that is made into bytes when it is compiled.
  if (typeof value === 'string')
    return field === 'want' && /^(?:not )?regex /.test(value) ? value : textOfBytes(value);
  if (Array.isArray(value)) return value.map((each) => readableAt(undefined, each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, readableAt(name, each)]));
}
