/** What gateway mode is known to do otherwise than recorded. Imports nothing. */

const METHOD = "Envoy's HTTP/1 codec takes only methods that it knows";
const TARGET = 'a request target with a fragment is refused';
const HOST = 'a Host with a port that is no number is refused';
const REWRITTEN =
  'a rewritten path that does not begin with a slash is not sent, as the upstream could read another host in it';

/** Cases that differ, each with its reason. One that agrees fails, so that the list stays true. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'outlier-5xx-quick': 'Envoy lets a second ejection be felt late; here each is felt at once',
  'headers-default-forwarded': 'Envoy passes `expect` on; here each neighbour is answered by itself',
  'direct-statuses':
    'Envoy says a content-length with 204 and 304; here with neither, as RFC 9110 wants of 204',
  'rewrite-regex-substitutions': REWRITTEN,
  'rewrite-uri-slashes': REWRITTEN,
  'host-port-in-authority': HOST,
  'match-authority-regex': HOST,
  'match-method': METHOD,
  'match-method-regex': METHOD,
  'match-query-exact': TARGET,
  'match-uri-exact': TARGET,
  'mesh-path-none': TARGET,
  'redirect-location': TARGET,
  'mixed-002': TARGET,
  'mixed-003': TARGET,
  'mixed-004': TARGET,
  'mixed-005': TARGET,
  'mixed-006': TARGET,
  'mixed-007': TARGET,
  'mixed-010': TARGET,
  'mixed-013': TARGET,
  'mixed-015': TARGET,
  'mixed-018': TARGET,
  'mixed-019': TARGET,
  'mixed-022': TARGET,
};
