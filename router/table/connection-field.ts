/** Headers that belong to one connection and never travel further. Imports nothing. */

/** RFC 9110, 7.6.1, and what HTTP/2 forbids (RFC 9113, 8.2.2). */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
