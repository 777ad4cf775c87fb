/**
 * What an Envoy's routes say that is not read: no table can hold it, so that nothing is known of it. Pure; only names
 * and values of the JSON are looked at.
 */

/** What is read of a value: all of it, what the test holds for, or of an object the fields named (of a list, each). */
type Shape = true | Test | { readonly [field: string]: Shape };
/** Of a value and the object that has it. */
type Test = (value: unknown, parent: Readonly<Record<string, unknown>>) => boolean;

const REGEX: Shape = { regex: true, google_re2: true };
const TEXT: Shape = {
  ...{ exact: true, prefix: true, suffix: true, contains: true, ignore_case: true },
  safe_regex: REGEX,
};
const HEADER_CHANGES = {
  request_headers_to_add: { header: { key: true, value: true }, append: true, append_action: true },
  response_headers_to_add: { header: { key: true, value: true }, append: true, append_action: true },
  request_headers_to_remove: true,
  response_headers_to_remove: true,
} as const;
const isNone = (value: unknown): boolean => value === '0s';

/** Source: Envoy `api/envoy/config/route/v3/route_components.proto`. */
const MATCH: Shape = {
  ...{ prefix: true, path: true, safe_regex: REGEX, case_sensitive: true, dynamic_metadata: true },
  headers: {
    ...{ name: true, invert_match: true, treat_missing_header_as_empty: true, present_match: true },
    string_match: TEXT,
  },
  query_parameters: { name: true, string_match: TEXT, present_match: true },
};
const ACTION: Shape = {
  cluster: true,
  weighted_clusters: {
    clusters: { name: true, weight: true, host_rewrite_literal: true, ...HEADER_CHANGES },
    total_weight: true,
  },
  prefix_rewrite: true,
  regex_rewrite: { pattern: REGEX, substitution: true },
  host_rewrite_literal: true,
  timeout: true,
  // What Istio writes so that gRPC clients' own timeouts hold.
  max_grpc_timeout: (value, { timeout }) => isNone(value) || value === timeout,
  max_stream_duration: { max_stream_duration: isNone, grpc_timeout_header_max: true },
  retry_policy: {
    ...{ retry_on: true, num_retries: true, retriable_status_codes: true, per_try_timeout: true },
    retry_back_off: { base_interval: true },
    retry_host_predicate: {
      name: (name) => name === 'envoy.retry_host_predicates.previous_hosts',
      typed_config: true,
    },
    host_selection_retry_max_attempts: true,
    // `retryRemoteLocalities`, which no table has.
    retry_priority: {
      name: (name) => name === 'envoy.retry_priorities.previous_priorities',
      typed_config: true,
    },
  },
  request_mirror_policies: {
    ...{ cluster: true, disable_shadow_host_suffix_append: true, trace_sampled: true },
    runtime_fraction: { default_value: true },
  },
  hash_policy: {
    header: { header_name: true },
    query_parameter: { name: true },
    connection_properties: { source_ip: true },
    cookie: { name: true, path: true, ttl: true, attributes: { name: true, value: true } },
  },
};
const ROUTE: Shape = {
  // The first three are for traces, metrics and filters.
  ...{
    decorator: true,
    stat_prefix: true,
    metadata: true,
    name: true,
    match: MATCH,
    route: ACTION,
    ...HEADER_CHANGES,
  },
  redirect: {
    ...{ scheme_redirect: true, https_redirect: true, host_redirect: true, port_redirect: true },
    ...{ path_redirect: true, prefix_rewrite: true, response_code: true },
  },
  direct_response: { status: true, body: { inline_string: true, inline_bytes: true } },
  typed_per_filter_config: { 'envoy.filters.http.cors': true, 'envoy.filters.http.fault': true },
};
const ROUTE_CONFIGURATION: Shape = {
  ...{ '@type': true, name: true, ignore_port_in_host_matching: true, validate_clusters: true },
  max_direct_response_body_size_bytes: true,
  virtual_hosts: {
    ...{ name: true, domains: true, include_request_attempt_count: true, require_tls: true },
    routes: ROUTE,
  },
};

/** Places of a RouteConfiguration's JSON that are not read: `virtual_hosts[0].routes[1].match.grpc`. */
export function unreadOf(configuration: object): string[] {
  return [...unreadIn(configuration, ROUTE_CONFIGURATION, '')];
}

function* unreadIn(value: unknown, shape: Shape, place: string): Generator<string> {
  if (shape === true || isDefault(value)) return;
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) yield* unreadIn(each, shape, `${place}[${index}]`);
    return;
  }
  if (typeof value !== 'object' || value === null || typeof shape === 'function') {
    yield place;
    return;
  }
  for (const [written, each] of Object.entries(value)) {
    const name = written.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const within = place === '' ? name : `${place}.${name}`;
    const own = Object.hasOwn(shape, name) ? shape[name]! : undefined;
    if (typeof own === 'function' ? own(each, value as Readonly<Record<string, unknown>>) : isDefault(each))
      continue;
    if (own === undefined || typeof own === 'function') yield within;
    else yield* unreadIn(each, own, within);
  }
}

/** What says no more than its absence. An empty message says that it is there. */
function isDefault(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    value === '' ||
    value === 0 ||
    (Array.isArray(value) && value.length === 0)
  );
}
