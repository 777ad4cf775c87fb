/** The time of an answer, as HTTP writes it (RFC 9110, 5.6.7). Imports the header list. */
import type { HeaderList } from '../../router/table/request.ts';

let second = 0;
let text = '';

/**
 * The headers with `date`, where the answer has none: an endpoint in this process has no server of its own that says it.
 *
 * Source: Envoy `source/common/http/conn_manager_impl.cc` (encodeHeaders); RFC 9110, 6.6.1.
 */
export function withDate(headers: HeaderList, nowMs: number): HeaderList {
  for (let index = 0; index < headers.length; index++) {
    const name = headers[index]![0];
    if (name.length === 4 && name === 'date') return headers;
  }
  const now = Math.floor(nowMs / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return [...headers, ['date', text]];
}
