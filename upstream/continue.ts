/** Clients that wait to be asked for a body. Imports the wire's types. */
import { NO_FIELDS, type RequestHead } from '../wire/stream.ts';

/**
 * Asks for the body where the client waits for that, as who answers in this process will read it. Of endpoints
 * elsewhere the client hears what they say themselves. Source: RFC 9110, 10.1.1; Istio's `proxy_100_continue`.
 */
export function askForBody(
  { headers }: Pick<RequestHead, 'headers'>,
  client: { inform(status: number, headers: typeof NO_FIELDS): void },
): void {
  for (let index = 0; index < headers.length; index++) {
    const [name, value] = headers[index]!;
    if (name.length === 6 && name === 'expect' && value.toLowerCase() === '100-continue') {
      client.inform(100, NO_FIELDS);
      return;
    }
  }
}
