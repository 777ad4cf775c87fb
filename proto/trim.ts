/**
 * Makes `proto/envoy` and `proto/google`: what we read of Envoy's published interface files, and nothing else of
 * them. Run by hand, when a field is wanted that is not there yet:
 *
 *     npm pack @grpc/grpc-js-xds@1.14.1 && tar xzf grpc-grpc-js-xds-1.14.1.tgz    # carries the files, Apache-2.0
 *     npx bun proto/trim.ts package/deps validate.proto && npm run generate
 *
 * `validate.proto` is that of a current `github.com/envoyproxy/protoc-gen-validate`, as the package's own is older
 * than the files that import it. Names, numbers and types stay as published; comments and options go.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

/** Fields of each message that are kept; messages and enums that nothing kept names go. */
const KEPT: Readonly<Record<string, string>> = {
  'google.rpc.Status': 'code message',

  'envoy.service.discovery.v3.DiscoveryRequest':
    'version_info node resource_names type_url response_nonce error_detail',
  'envoy.service.discovery.v3.DiscoveryResponse': 'version_info resources type_url nonce',
  'envoy.service.discovery.v3.DeltaDiscoveryRequest':
    'node type_url resource_names_subscribe resource_names_unsubscribe initial_resource_versions response_nonce error_detail',
  'envoy.service.discovery.v3.DeltaDiscoveryResponse':
    'system_version_info resources type_url removed_resources nonce',
  'envoy.service.discovery.v3.Resource': 'name version resource',

  'envoy.type.v3.FractionalPercent': 'numerator denominator',
  'envoy.type.v3.Percent': 'value',
  'envoy.type.matcher.v3.RegexMatcher': 'regex',
  'envoy.type.matcher.v3.RegexMatchAndSubstitute': 'pattern substitution',
  'envoy.type.matcher.v3.StringMatcher': 'exact prefix suffix safe_regex contains ignore_case',

  'envoy.config.core.v3.Node': 'id cluster metadata user_agent_name user_agent_version client_features',
  'envoy.config.core.v3.Metadata': 'filter_metadata',
  'envoy.config.core.v3.Address': 'socket_address pipe',
  'envoy.config.core.v3.SocketAddress': 'address port_value',
  'envoy.config.core.v3.Pipe': 'path',
  'envoy.config.core.v3.DataSource': 'filename inline_bytes inline_string',
  'envoy.config.core.v3.HeaderValue': 'key value',
  'envoy.config.core.v3.HeaderValueOption': 'header append append_action keep_empty_value',
  'envoy.config.core.v3.Http1ProtocolOptions': '',
  'envoy.config.core.v3.Http2ProtocolOptions': 'max_concurrent_streams connection_keepalive',
  'envoy.config.core.v3.HttpProtocolOptions':
    'idle_timeout max_connection_duration max_requests_per_connection',
  'envoy.config.core.v3.KeepaliveSettings': 'interval timeout',
  'envoy.config.core.v3.RuntimeDouble': 'default_value',
  'envoy.config.core.v3.RuntimeFractionalPercent': 'default_value',
  'envoy.config.core.v3.TcpKeepalive': 'keepalive_probes keepalive_time keepalive_interval',
  'envoy.config.core.v3.TransportSocket': 'name typed_config',
  'envoy.config.core.v3.UpstreamHttpProtocolOptions': 'auto_sni auto_san_validation',

  'envoy.config.listener.v3.ApiListener': 'api_listener',
  'envoy.config.listener.v3.Filter': 'name typed_config',
  'envoy.config.listener.v3.FilterChain': 'filter_chain_match filters transport_socket name',
  'envoy.config.listener.v3.FilterChainMatch': 'server_names',
  'envoy.config.listener.v3.Listener':
    'name address filter_chains default_filter_chain traffic_direction api_listener',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager':
    'rds route_config normalize_path merge_slashes path_with_escaped_slashes_action',
  'envoy.extensions.filters.network.http_connection_manager.v3.Rds': 'route_config_name',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': 'cluster',

  'envoy.config.route.v3.RouteConfiguration': 'name virtual_hosts ignore_port_in_host_matching',
  'envoy.config.route.v3.VirtualHost': 'name domains routes require_tls typed_per_filter_config',
  'envoy.config.route.v3.Route':
    'name match route redirect direct_response metadata typed_per_filter_config request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove',
  'envoy.config.route.v3.RouteMatch':
    'prefix path safe_regex case_sensitive headers query_parameters dynamic_metadata',
  'envoy.type.matcher.v3.MetadataMatcher': 'filter path invert',
  'envoy.type.matcher.v3.MetadataMatcher.PathSegment': 'key',
  'envoy.config.route.v3.HeaderMatcher':
    'name string_match present_match invert_match treat_missing_header_as_empty',
  'envoy.config.route.v3.QueryParameterMatcher': 'name string_match present_match',
  'envoy.config.route.v3.RouteAction':
    'cluster weighted_clusters prefix_rewrite regex_rewrite host_rewrite_literal timeout retry_policy request_mirror_policies hash_policy',
  'envoy.config.route.v3.WeightedCluster': 'clusters',
  'envoy.config.route.v3.WeightedCluster.ClusterWeight':
    'name weight request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove host_rewrite_literal',
  'envoy.config.route.v3.RouteAction.RequestMirrorPolicy': 'cluster runtime_fraction',
  'envoy.config.route.v3.RouteAction.HashPolicy': 'header cookie connection_properties query_parameter',
  'envoy.config.route.v3.RouteAction.HashPolicy.Header': 'header_name',
  'envoy.config.route.v3.RouteAction.HashPolicy.Cookie': 'name ttl path attributes',
  'envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute': 'name value',
  'envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties': 'source_ip',
  'envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter': 'name',
  'envoy.config.route.v3.RetryPolicy':
    'retry_on num_retries per_try_timeout retry_host_predicate retriable_status_codes retry_back_off',
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate': 'name',
  'envoy.config.route.v3.RetryPolicy.RetryBackOff': 'base_interval max_interval',
  'envoy.config.route.v3.RedirectAction':
    'https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite response_code',
  'envoy.config.route.v3.DirectResponseAction': 'status body',
  'envoy.extensions.filters.http.cors.v3.CorsPolicy':
    'allow_origin_string_match allow_methods allow_headers expose_headers max_age allow_credentials forward_not_matching_preflights',
  'envoy.extensions.filters.http.fault.v3.HTTPFault': 'delay abort',
  'envoy.extensions.filters.http.fault.v3.FaultAbort': 'http_status grpc_status percentage',
  'envoy.extensions.filters.common.fault.v3.FaultDelay': 'fixed_delay percentage',

  'envoy.config.cluster.v3.Cluster':
    'name type eds_cluster_config connect_timeout lb_policy load_assignment circuit_breakers outlier_detection metadata transport_socket transport_socket_matches typed_extension_protocol_options ring_hash_lb_config maglev_lb_config round_robin_lb_config least_request_lb_config common_lb_config upstream_connection_options',
  'envoy.config.cluster.v3.Cluster.EdsClusterConfig': 'service_name',
  'envoy.config.cluster.v3.Cluster.RingHashLbConfig': 'minimum_ring_size',
  'envoy.config.cluster.v3.Cluster.MaglevLbConfig': 'table_size',
  'envoy.config.cluster.v3.Cluster.RoundRobinLbConfig': 'slow_start_config',
  'envoy.config.cluster.v3.Cluster.LeastRequestLbConfig': 'slow_start_config',
  'envoy.config.cluster.v3.Cluster.SlowStartConfig': 'slow_start_window aggression min_weight_percent',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig': 'healthy_panic_threshold locality_weighted_lb_config',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig': '',
  'envoy.config.cluster.v3.Cluster.TransportSocketMatch': 'name transport_socket',
  'envoy.config.cluster.v3.UpstreamConnectionOptions': 'tcp_keepalive',
  'envoy.config.cluster.v3.CircuitBreakers': 'thresholds',
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds':
    'priority max_connections max_pending_requests max_requests max_retries retry_budget',
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget': 'budget_percent min_retry_concurrency',
  'envoy.config.cluster.v3.OutlierDetection':
    'consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx consecutive_gateway_failure enforcing_consecutive_gateway_failure split_external_local_origin_errors consecutive_local_origin_failure enforcing_consecutive_local_origin_failure max_ejection_time',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions':
    'common_http_protocol_options upstream_http_protocol_options explicit_http_config use_downstream_protocol_config auto_config',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig':
    'http_protocol_options http2_protocol_options',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig': 'http2_protocol_options',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig': 'http2_protocol_options',

  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': 'common_tls_context sni',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext':
    'common_tls_context require_client_certificate',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext':
    'tls_params tls_certificates tls_certificate_sds_secret_configs validation_context validation_context_sds_secret_config combined_validation_context',
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext':
    'default_validation_context validation_context_sds_secret_config',
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext':
    'trusted_ca match_subject_alt_names match_typed_subject_alt_names crl trust_chain_verification verify_certificate_spki verify_certificate_hash',
  'envoy.extensions.transport_sockets.tls.v3.TlsParameters':
    'tls_minimum_protocol_version tls_maximum_protocol_version cipher_suites',
  'envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher': 'matcher',
  'envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig': 'name',
  'envoy.extensions.transport_sockets.tls.v3.TlsCertificate': 'certificate_chain private_key',
  'envoy.extensions.transport_sockets.tls.v3.Secret': 'name tls_certificate validation_context',

  'envoy.config.endpoint.v3.ClusterLoadAssignment': 'cluster_name endpoints policy',
  'envoy.config.endpoint.v3.ClusterLoadAssignment.Policy': 'overprovisioning_factor',
  'envoy.config.endpoint.v3.LocalityLbEndpoints': 'lb_endpoints load_balancing_weight priority',
  'envoy.config.endpoint.v3.LbEndpoint': 'endpoint health_status metadata load_balancing_weight',
  'envoy.config.endpoint.v3.Endpoint': 'address hostname',
};

const SERVICE = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

/** Files with what is kept, in the order in which they are read. */
const FILES = [
  'envoy/service/discovery/v3/ads.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/filters/http/cors/v3/cors.proto',
  'envoy/extensions/filters/http/fault/v3/fault.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
];

const [deps, validate] = process.argv.slice(2).map((path) => resolve(path));
if (deps === undefined || validate === undefined) {
  console.error('Cannot trim without the files: bun proto/trim.ts package/deps validate.proto');
  process.exit(2);
}

const published = readPublished(deps, validate);
const wanted = wantedTypes(published);
for (const folder of ['envoy', 'google'])
  rmSync(join(import.meta.dirname, folder), { recursive: true, force: true });
for (const file of published) {
  const text = printFile(file);
  if (text === undefined) continue;
  const path = join(import.meta.dirname, file.name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
spawnSync('buf', ['format', '-w', '--path', 'proto/envoy', '--path', 'proto/google'], {
  cwd: join(import.meta.dirname, '..'),
  stdio: 'inherit',
});

function readPublished(from: string, validateFile: string): readonly FileDescriptorProto[] {
  const work = mkdtempSync(join(tmpdir(), 'pointsman-trim-'));
  const sources = join(work, 'source');
  for (const [folder, name] of [
    ['envoy-api/envoy', 'envoy'],
    ['xds/xds', 'xds'],
    ['xds/udpa', 'udpa'],
    ['googleapis/google', 'google'],
  ] as const)
    cpSync(join(from, folder), join(sources, name), { recursive: true });
  mkdirSync(join(sources, 'validate'), { recursive: true });
  cpSync(validateFile, join(sources, 'validate/validate.proto'));

  // Of the published files only those that the ones we read import: the others import what is not there.
  const module = join(work, 'module');
  const open = [...FILES];
  const seen = new Set<string>();
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file) || file.startsWith('google/protobuf/')) continue;
    seen.add(file);
    const text = readFileSync(join(sources, file), 'utf8');
    mkdirSync(dirname(join(module, file)), { recursive: true });
    writeFileSync(join(module, file), text);
    open.push(...Array.from(text.matchAll(/^import (?:public )?"(.+?)";/gm), ([, path]) => path!));
  }
  writeFileSync(join(module, 'buf.yaml'), 'version: v2\nmodules:\n  - path: .\n');
  const image = join(work, 'image.binpb');
  const { status } = spawnSync(
    'buf',
    ['build', '--exclude-source-info', '--as-file-descriptor-set', '-o', image],
    { cwd: module, stdio: 'inherit' },
  );
  if (status !== 0) process.exit(1);
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(image));
  rmSync(work, { recursive: true });
  return file;
}

/** Full names of the messages and enums to print. Exits when a kept name is not in the files. */
function wantedTypes(files: readonly FileDescriptorProto[]): ReadonlySet<string> {
  const names = new Set(Object.keys(KEPT));
  const found = new Set<string>();
  const visit = (message: DescriptorProto, scope: string) => {
    const name = `${scope}.${message.name}`;
    found.add(name);
    const kept = keptFields(name);
    for (const field of kept)
      if (!message.field.some((each) => each.name === field)) fail(`${name} has no field ${field}`);
    for (const field of message.field) {
      if (!kept.has(field.name) || field.typeName === '') continue;
      const type = field.typeName.slice(1);
      if (field.type === FieldDescriptorProto_Type.ENUM) names.add(type);
      else if (!isMapEntry(message, type) && !type.startsWith('google.protobuf.') && !(type in KEPT))
        fail(`${name}.${field.name} is a ${type}, of which nothing is kept`);
    }
    for (const nested of message.nestedType) visit(nested, name);
  };
  for (const file of files) for (const message of file.messageType) visit(message, file.package);
  for (const name of Object.keys(KEPT)) if (!found.has(name)) fail(`there is no message ${name}`);
  return names;
}

function fail(reason: string): never {
  console.error(`Cannot trim: ${reason}`);
  process.exit(1);
}

function keptFields(name: string): ReadonlySet<string> {
  return new Set((KEPT[name] ?? '').split(' ').filter((field) => field !== ''));
}

function isMapEntry(message: DescriptorProto, type: string): boolean {
  return message.nestedType.some(
    (nested) => nested.options?.mapEntry === true && type.endsWith(`.${message.name}.${nested.name}`),
  );
}

/** Undefined when nothing of the file is kept. */
function printFile(file: FileDescriptorProto): string | undefined {
  const types = [
    ...file.enumType.flatMap((each) => printEnum(each, file.package, '')),
    ...file.messageType.flatMap((each) => printMessage(each, file.package, '')),
  ];
  const services = file.service
    .filter(({ name }) => `${file.package}.${name}` === SERVICE)
    .flatMap(({ name, method }) => [
      `service ${name} {`,
      ...method.map(
        (each) =>
          `  rpc ${each.name}(stream ${each.inputType.slice(1)}) returns (stream ${each.outputType.slice(1)});`,
      ),
      '}',
    ]);
  const body = [...services, ...types].join('\n');
  if (body === '') return undefined;
  const uses = (path: string) => {
    const imported = published.find(({ name }) => name === path);
    if (path.startsWith('google/protobuf/')) {
      const known = imported?.messageType.map(({ name }) => `google.protobuf.${name}`) ?? [];
      return known.some((name) => new RegExp(`\\b${name.replaceAll('.', '\\.')}\\b`).test(body));
    }
    const own = imported === undefined ? [] : [...wanted].filter((name) => declares(imported, name));
    return own.some((name) => new RegExp(`[ <(]${name.replaceAll('.', '\\.')}\\b`).test(body));
  };
  const imports = file.dependency.filter(uses).map((path) => `import "${path}";`);
  return [
    '// As published by the Envoy project (Apache-2.0), less what is not read here: see proto/trim.ts.',
    'syntax = "proto3";',
    '',
    `package ${file.package};`,
    '',
    ...(imports.length > 0 ? [...imports, ''] : []),
    body,
    '',
  ].join('\n');
}

function declares(file: FileDescriptorProto, name: string): boolean {
  const [top] = name.slice(file.package.length + 1).split('.');
  return (
    name.startsWith(`${file.package}.`) &&
    [...file.messageType, ...file.enumType].some((each) => each.name === top)
  );
}

function printMessage(message: DescriptorProto, scope: string, indent: string): string[] {
  const name = `${scope}.${message.name}`;
  const inner = [
    ...message.enumType.flatMap((each) => printEnum(each, name, `${indent}  `)),
    ...message.nestedType
      .filter((each) => each.options?.mapEntry !== true)
      .flatMap((each) => printMessage(each, name, `${indent}  `)),
  ];
  if (!wanted.has(name) && inner.length === 0) return [];
  const kept = keptFields(name);
  const fields: string[] = [];
  let oneof: number | undefined;
  const close = () => {
    if (oneof !== undefined) fields.push(`${indent}  }`);
    oneof = undefined;
  };
  for (const field of message.field) {
    if (!kept.has(field.name)) continue;
    const isInOneof = field.oneofIndex !== undefined && !field.proto3Optional && hasOneof(message, field);
    if (!isInOneof || field.oneofIndex !== oneof) close();
    if (isInOneof && oneof === undefined) {
      oneof = field.oneofIndex;
      fields.push(`${indent}  oneof ${message.oneofDecl[field.oneofIndex]!.name} {`);
    }
    fields.push(`${indent}${isInOneof ? '    ' : '  '}${printField(message, field)}`);
  }
  close();
  return [`${indent}message ${message.name} {`, ...inner, ...fields, `${indent}}`];
}

/** Proto3 fields outside any oneof have index 0 by default in the descriptor's message class; only a set one counts. */
function hasOneof(message: DescriptorProto, field: FieldDescriptorProto): boolean {
  return message.oneofDecl.length > 0 && Object.hasOwn(field, 'oneofIndex');
}

function printField(message: DescriptorProto, field: FieldDescriptorProto): string {
  const { name, number, label, typeName } = field;
  const entry = message.nestedType.find(
    (each) => each.options?.mapEntry === true && typeName.endsWith(`.${message.name}.${each.name}`),
  );
  if (entry) {
    const [key, value] = entry.field;
    return `map<${typeOf(key!)}, ${typeOf(value!)}> ${name} = ${number};`;
  }
  const repeated = label === FieldDescriptorProto_Label.REPEATED ? 'repeated ' : '';
  return `${repeated}${typeOf(field)} ${name} = ${number};`;
}

function typeOf({ type, typeName }: FieldDescriptorProto): string {
  return typeName === '' ? FieldDescriptorProto_Type[type].toLowerCase() : typeName.slice(1);
}

function printEnum(each: EnumDescriptorProto, scope: string, indent: string): string[] {
  if (!wanted.has(`${scope}.${each.name}`)) return [];
  return [
    `${indent}enum ${each.name} {`,
    ...each.value.map(({ name, number }) => `${indent}  ${name} = ${number};`),
    `${indent}}`,
  ];
}
