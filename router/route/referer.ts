/** Which values Envoy takes for a Referer. Imports nothing. */

/** `scheme://host`, its port, and what is asked of it. */
const ABSOLUTE =
  /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(?:[/?][\x21\x22\x24-\x7E]*)?$/;
/** What nearly all are, told without taking the value apart. */
const USUAL = /^https?:\/\/[A-Za-z0-9.-]+\/[\x24-\x7E]*$/;
/** Its first segment without a colon, which would end a scheme. */
const PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=@%]*\/[\x21\x22\x24-\x7E]*$/;
const RELATIVE = /^[A-Za-z0-9\-._~!$&'()*+,;=@%/?]*$/;

/**
 * False for a value that is no URL: a fragment, a user, a host with other letters, two values joined by a comma.
 * Envoy takes such a header away before any rule sees it.
 *
 * Source: Envoy `source/common/http/conn_manager_utility.cc` (mutateRequestHeaders), the grammar as measured.
 */
export function isReferer(value: string): boolean {
  if (USUAL.test(value)) return true;
  const absolute = ABSOLUTE.exec(value);
  if (absolute) return Number(absolute[1] ?? 0) <= 65535;
  return PATH.test(value) || RELATIVE.test(value);
}
