/** Headers that belong to one connection and never travel further. Imports the header list. */
import { CONNECTION_FIELDS } from '../../router/table/connection-field.ts';
import type { HeaderList } from '../../router/table/request.ts';

/** Names that nobody can have dropped by naming them in `connection`: they frame the message, or tell where it is from. */
const KEPT: ReadonlySet<string> = new Set([
  'content-length',
  'host',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/**
 * The headers that go on: without hop-by-hop ones and those that `connection` names. Of `te` only `trailers`
 * stays, as gRPC asks. Returns the list itself where nothing goes.
 *
 * Source: RFC 9110, 7.6.1; Envoy `source/common/http/utility.cc` (sanitizeConnectionHeader).
 */
export function endToEnd(headers: HeaderList): HeaderList {
  if (!hasHopByHop(headers)) return headers;
  const named = new Set<string>();
  for (const [name, value] of headers) {
    if (name !== 'connection') continue;
    for (const word of value.toLowerCase().split(',')) named.add(word.trim());
  }
  return headers.flatMap((header) => {
    const [name, value] = header;
    if (CONNECTION_FIELDS.has(name)) return [];
    if (name === 'te') {
      const asksTrailers = value.split(',').some((each) => /^\s*trailers\s*(;|$)/i.test(each));
      return asksTrailers ? [['te', 'trailers'] as const] : [];
    }
    return named.has(name) && !KEPT.has(name) ? [] : [header];
  });
}

/** Lengths tell most names apart before any letter is compared. */
function hasHopByHop(headers: HeaderList): boolean {
  for (let index = 0; index < headers.length; index++) {
    const header = headers[index]!;
    const name = header[0];
    switch (name.length) {
      case 2:
        if (name === 'te' && header[1] !== 'trailers') return true;
        break;
      case 7:
      case 10:
      case 14:
      case 16:
      case 17:
        if (CONNECTION_FIELDS.has(name)) return true;
        break;
    }
  }
  return false;
}
