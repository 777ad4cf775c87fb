/** The cookies of a request. Imports the header list. */
import type { HeaderList } from './request.ts';

/**
 * The first cookie of the name, quotes taken off; empty where there is none.
 *
 * Source: Envoy `source/common/http/utility.cc` (forEachCookie, parseCookieValue).
 */
export function cookieOf(headers: HeaderList, name: string): string {
  for (const [header, list] of headers) {
    if (header !== 'cookie') continue;
    for (const cookie of list.split(';')) {
      const equals = cookie.indexOf('=');
      if (equals < 0 || cookie.slice(0, equals).replace(/^ +/, '') !== name) continue;
      const value = cookie.slice(equals + 1);
      const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
      return isQuoted ? value.slice(1, -1) : value;
    }
  }
  return '';
}
