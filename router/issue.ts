/**
 * What is wrong with a configuration, and how that is told to people: a stable code, a place, a reason.
 * Everything that reads configuration reports issues; nothing throws for bad input. Imports types only.
 */
import type { FieldPath } from './schema/resource.ts';

/** One finding. `error`: the resource is refused; `warning`: it is taken, and something is likely wrong. */
export interface Issue {
  /** Stable, kebab-case, listed in {@link ISSUE_CODES}. */
  readonly code: IssueCode;
  readonly severity: 'error' | 'warning';
  /** Action, value, reason and what would do, in sentence case without a final period. */
  readonly message: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** `spec.http[0].route` as people write it; see {@link formatPath}. */
  readonly path?: FieldPath;
  /** The resource it is about, where one could be made out. */
  readonly resource?: { readonly kind: string; readonly namespace: string; readonly name: string };
  /** The text of {@link line}, for the caret. */
  readonly excerpt?: string;
  /** A command that shows it: `curl -H 'user: admin' http://reviews/api`. */
  readonly example?: string;
}

/** Every code with the sentence that explains it in docs. Closed list: codes are never renamed or reused. */
export const ISSUE_CODES = {
  // Files and text.
  'file-missing': 'Nothing is at the path that was given.',
  'file-unreadable': 'The file or folder cannot be read.',
  'file-too-large': 'The file is larger than any set of rules should be, and was not read.',
  'not-utf8': 'The text is not UTF-8.',
  'yaml-syntax': 'The text is not YAML.',
  'bad-key': 'A key of a map is no text, or a merge key has no map.',
  'bad-value': 'A value cannot be said in JSON, or does not fit its YAML tag.',
  'duplicate-key': 'A map has the same key twice; Istio reads YAML strictly and refuses that.',
  'too-deep': 'Maps and lists nest deeper than any resource needs.',
  'excessive-aliases': 'YAML aliases refer to themselves, or multiply to too many values.',
  // Resources.
  'not-a-resource': 'A document is no map with apiVersion, kind, metadata and spec.',
  'unknown-kind': 'A resource of a kind that does not decide where requests go; it is not looked at.',
  'unknown-version': 'A resource of a kind we know in a version of the API that does not exist.',
  metadata: "A resource's name, namespace, labels or annotations are missing or not allowed.",
  'duplicate-resource': 'Two resources have the same kind, namespace and name; the first one is taken.',
  // Fields.
  'unknown-field': 'The API has no such field at this place.',
  'wrong-type': 'A value of another type is expected, for example text where there is a number.',
  'out-of-range': 'A number is outside the range that its type or meaning allows.',
  'unknown-value': 'A value is none of the names that the field allows.',
  'bad-duration':
    'A duration is not in the form 1h2m3.5s, is below a millisecond, or is finer than its field allows.',
  'bad-base64': 'Bytes are not written in base64.',
  'missing-field': 'A field that the resource cannot work without is missing or empty.',
  'exclusive-fields': 'Fields that exclude each other are set together.',
  deprecated: 'A field or form that Istio still takes, with a better one in its place.',
  // Names, numbers and texts.
  host: 'A host is no valid name, or is not allowed at this place.',
  'duplicate-host': 'Two hosts of one VirtualService are the same or overlap.',
  'gateway-name': 'A reference to a Gateway is no valid name.',
  'export-to': 'The list of namespaces in exportTo is not valid.',
  namespace: 'A namespace is no valid name.',
  label: 'The key or value of a label is not valid.',
  selector: 'A workload selector is empty or has a wildcard.',
  port: 'A port is outside 1 to 65535, or stands where none is allowed.',
  'duplicate-port': 'Two ports have the same name or number.',
  'port-name': 'The name of a port is no valid name.',
  protocol: 'A protocol is unknown, or not allowed at this place.',
  address: 'An address is no IP address, range or name, as its place demands.',
  percentage: 'A percentage is not between 0 and 100.',
  regex: 'A regular expression is not RE2, or is too long.',
  'string-match': 'A condition on a text is empty where Envoy allows none.',
  'header-name': 'The name of a header is not valid, or must not be changed.',
  'header-value': 'The value of a header has a control character or a malformed Envoy expression.',
  'http-status': 'An HTTP status is outside the allowed range.',
  'grpc-status': 'A gRPC status is none of the names that gRPC defines.',
  // Rules.
  'no-routes': 'A VirtualService has no http, tcp or tls routes.',
  'weight-sum': 'The weights of several destinations add up to nothing.',
  weight: 'A weight is negative.',
  'subset-name': 'The name of a subset is not valid.',
  'duplicate-subset': 'Two subsets of a DestinationRule have the same name.',
  'authority-twice': 'The authority header is set more than once for one route.',
  redirect: 'A redirect says nothing, or says things that do not go together.',
  rewrite: 'A rewrite says nothing, or says things that do not go together.',
  retry: 'A retry policy is contradictory or names an unknown condition.',
  fault: 'A fault injection says nothing, or uses something that Istio does not support.',
  cors: 'A CORS policy has a method, header or origin that is not valid.',
  delegate: 'A root or delegate VirtualService has fields that it must not have.',
  'jwt-claim': 'A rule looks at JWT claims where no gateway has checked a token.',
  'large-body': 'The body of a direct response is large enough to slow down the control plane.',
  'unreachable-rule':
    'Istio warns that a rule is never taken, by comparing texts; requests may reach it all the same.',
  'duplicate-match':
    'Istio warns that a condition never decides, by comparing texts; requests may reach it all the same.',
  'sni-host': 'A TLS rule has a server name that fits none of the hosts, or is an address.',
  'traffic-policy': 'A traffic policy is empty or contradictory.',
  'load-balancer': 'Load balancer settings are contradictory or out of range.',
  locality: 'Locality settings overlap, do not add up, or miss what they need.',
  'connection-pool': 'Connection pool settings are empty, negative or contradictory.',
  'outlier-detection': 'Outlier detection settings contradict each other.',
  tls: 'TLS settings are incomplete, contradictory or without effect.',
  tunnel: 'Tunnel settings are not valid.',
  resolution: 'Hosts, addresses or endpoints of a ServiceEntry do not fit its resolution.',
  endpoint: 'An endpoint is incomplete or contradicts its ServiceEntry.',
  server: 'A server of a Gateway is incomplete or contradictory.',
  // Found while compiling.
  annotation: 'An annotation of pointsman.dev is not known, or its value cannot be used.',
  'delegate-not-found': 'A rule delegates to a VirtualService that is not there, or has hosts of its own.',
  'delegate-not-visible': 'A rule delegates to a VirtualService whose exportTo leaves out its namespace.',
  'delegate-match-conflict': "A delegate's rule has a match that lies outside the delegating rule's.",
  'cluster-refuses':
    "A Kubernetes API server with Istio's resource definitions refuses this, though Istio itself takes it.",
  // Lint: what Istio takes and yet does not do what it says.
  'rule-never-taken': 'Earlier rules together take every request that fits a rule.',
  'match-never-taken': 'Earlier matches together take every request that fits one match of a rule.',
  'match-impossible':
    'No request can fit a match: its conditions exclude each other, or what a request can be.',
  'host-conflict': 'Two VirtualServices have the same host in the mesh, where only one is obeyed.',
  'destination-rule-conflict':
    'Two DestinationRules of one namespace have the same host, and parts of the later one are dropped.',
  'subset-missing': 'A destination names a subset that no DestinationRule of its host has.',
  'regex-plain': 'A regular expression says what an exact text or a prefix would say.',
  'header-format':
    'The value of a header has a command that Envoy does not take, and refuses all routes for.',
  'envoy-refuses': 'Istio takes something that Envoy refuses, with everything that comes with it.',
  'delegate-unused': 'No rule delegates to a VirtualService without hosts.',
  // Control planes.
  'xds-refused':
    'A control plane has sent a resource that is not understood; the version before it stays in effect.',
  // What carries traffic.
  'not-carried-out':
    'A rule asks for something that the gateway does not do yet; traffic is routed without it, or not at all.',
} as const;

/** See {@link ISSUE_CODES}. */
export type IssueCode = keyof typeof ISSUE_CODES;

/** Orders the issues of one file by their places. */
export function byPlace(one: Issue, other: Issue): number {
  return (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0);
}

/** How {@link formatIssue} prints. */
export interface IssueFormat {
  /** Terminal colours. Default false. */
  readonly color?: boolean;
}

/**
 * An issue for people: place, code and message on one line, then the line of text with a caret under the
 * place: `reviews.yaml:14:17 weight-sum: Cannot split traffic in spec.http[0].route: total weight is 0`. What comes from no
 * text is told by its resource: `VirtualService shop/reviews weight-sum: …`.
 */
export function formatIssue(issue: Issue, format: IssueFormat = {}): string {
  const paint = (code: string, text: string): string =>
    format.color ? `\u001b[${code}m${text}\u001b[0m` : text;
  const place =
    [issue.file, issue.line, issue.column].filter((part) => part !== undefined).join(':') || nameOf(issue);
  const code = paint(
    issue.severity === 'error' ? '31' : '33',
    issue.severity === 'error' ? issue.code : `${issue.code} (warning)`,
  );
  const head = `${place === '' ? '' : `${paint('1', place)} `}${code}: ${printable(issue.message)}`;
  const example =
    issue.example === undefined ? '' : `\n${paint('2', 'for example:')} ${printable(issue.example)}`;
  if (issue.excerpt === undefined || issue.column === undefined) return head + example;
  const { text, caret } = excerptAround(issue.excerpt, issue.column);
  const gutter = `${issue.line ?? ''} | `;
  return `${head}\n${paint('2', gutter)}${text}\n${' '.repeat(gutter.length + caret)}${paint('31', '^')}${example}`;
}

function nameOf({ resource }: Issue): string {
  return resource ? printable(`${resource.kind} ${resource.namespace}/${resource.name}`) : '';
}

/** A field path as people write it: `spec.http[0].headers.request.set["x-a.b"]`. Empty for the resource itself. */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

const EXCERPT_WIDTH = 100;

/** Long lines are cut around the place; tabs become spaces so that the caret stands right. */
function excerptAround(line: string, column: number): { text: string; caret: number } {
  const at = Math.min(column - 1, line.length);
  const start = line.length > EXCERPT_WIDTH ? Math.max(0, Math.min(at - 40, line.length - EXCERPT_WIDTH)) : 0;
  const cut = printable(line.slice(start, start + EXCERPT_WIDTH));
  const before = start > 0 ? '…' : '';
  const after = start + EXCERPT_WIDTH < line.length ? '…' : '';
  return { text: before + cut + after, caret: before.length + at - start };
}

/** One character for one, so that nothing in a file can drive the terminal. */
function printable(text: string): string {
  return text.replaceAll('\t', ' ').replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '�');
}
