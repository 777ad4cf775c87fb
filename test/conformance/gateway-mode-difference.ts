/** What the gateway is known to do otherwise than recorded, and than an Envoy beside it. Imports nothing. */

const REWRITTEN =
  'a rewritten path that does not begin with a slash is not sent, as the upstream could read another host in it';

/** Cases that differ, each with its reason. One that agrees fails, so that the list stays true. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'outlier-5xx-quick': 'Envoy lets a second ejection be felt late; here each is felt at once',
  'direct-statuses':
    'Envoy says a content-length with 204 and 304; here with neither, as RFC 9110 wants of 204',
  'host-headless':
    'Envoy goes on to the address that the client dialled, of a pod; here requests are balanced over the pods',
  'rewrite-regex-substitutions': REWRITTEN,
  'rewrite-uri-slashes': REWRITTEN,
};

/** The same, of cases that a gateway and an Envoy carry out by the rules of the same istiod. */
export const KNOWN_SIDECAR_DIFFERENCES: Readonly<Record<string, string>> = {
  'rewrite-regex-substitutions': REWRITTEN,
  'rewrite-uri-slashes': REWRITTEN,
};
