/**
 * Records what real Envoy writes to its access log for the cases of `access-log-world.ts`:
 *
 *     npx bun test/gateway/telemetry/access-log-record.ts > test/gateway/telemetry/access-log.json
 *
 * The listener, routes and clusters are what Istio's pilot makes of {@link RULES}, in Envoy's own words.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISTIO_JSON_FORMAT, ISTIO_TEXT_FORMAT } from '../../../gateway/telemetry/access-log-format.ts';
import { findPeer } from '../../peer/find.ts';
import { CASES, DOWN, EXTRA_FORMAT, openUpstream, send, settled, UP } from './access-log-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'access-log-'));
const envoy = findPeer('envoy');
if (typeof envoy !== 'string') throw new Error('Cannot record without envoy: test/peer/install.sh envoy');
const upstream = await openUpstream();
const port = 18_000 + Math.floor(Math.random() * 1000);

const clusterOf = (name: string, endpointPort: number | undefined) => ({
  name,
  alt_stat_name: `${name};`,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints:
          endpointPort === undefined
            ? []
            : [
                {
                  endpoint: {
                    address: { socket_address: { address: '127.0.0.1', port_value: endpointPort } },
                  },
                },
              ],
      },
    ],
  },
});
const up = `outbound|80||${UP}`;
const down = `outbound|80||${DOWN}`;
const empty = `outbound|80|empty|${UP}`;
const noRetry = { retry_policy: { num_retries: 0 } };
const forward = (name: string, prefix: string, cluster: string, more: object = {}) => ({
  name,
  match: { prefix },
  route: { cluster, timeout: '0s', ...noRetry, ...more },
});
const faultType = 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault';
const abort = { '@type': faultType, abort: { http_status: 555, percentage: { numerator: 100 } } };
const corsType = 'type.googleapis.com/envoy.extensions.filters.http.cors.v3';
const cors = {
  '@type': `${corsType}.CorsPolicy`,
  allow_origin_string_match: [{ exact: 'https://a.example' }],
  allow_methods: 'GET',
};
const routes = [
  {
    name: 'direct',
    match: { prefix: '/direct' },
    direct_response: { status: 418, body: { inline_string: 'tea' } },
  },
  { name: 'redirect', match: { prefix: '/redirect' }, redirect: { path_redirect: '/else' } },
  {
    ...forward('abort', '', up),
    match: { path: '/abort' },
    typed_per_filter_config: { 'envoy.filters.http.fault': abort },
  },
  { ...forward('cors', '/cors', up), typed_per_filter_config: { 'envoy.filters.http.cors': cors } },
  {
    ...forward('cors-abort', '/abort-cors', up),
    typed_per_filter_config: { 'envoy.filters.http.fault': abort, 'envoy.filters.http.cors': cors },
  },
  {
    ...forward('old', '/old', up, { prefix_rewrite: '/ok' }),
    request_headers_to_add: [
      { header: { key: 'x-set', value: 'by-rule' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    ],
    response_headers_to_add: [
      { header: { key: 'x-back', value: 'again' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    ],
  },
  forward('slow', '/slow', up, { timeout: '0.05s' }),
  forward('flaky', '/flaky', up, {
    retry_policy: { num_retries: 1, retry_on: '5xx', retry_back_off: { base_interval: '0.001s' } },
  }),
  forward('down', '/down', down),
  forward('empty', '/empty', empty),
  forward('main', '/', up),
];
const file = (name: string, log_format: object) => ({
  name: 'envoy.access_loggers.file',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path: join(folder, name),
    log_format,
  },
});
const textOf = (inline_string: string) => ({ text_format_source: { inline_string } });
const manager = {
  '@type':
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  stat_prefix: 'x',
  use_remote_address: false,
  normalize_path: true,
  access_log: [
    file('text', textOf(ISTIO_TEXT_FORMAT)),
    file('extra', textOf(`${EXTRA_FORMAT}\n`)),
    file('json', { json_format: ISTIO_JSON_FORMAT }),
  ],
  route_config: {
    virtual_hosts: [{ name: 'up', domains: [UP], include_request_attempt_count: true, routes }],
  },
  http_filters: [
    { name: 'envoy.filters.http.fault', typed_config: { '@type': faultType } },
    { name: 'envoy.filters.http.cors', typed_config: { '@type': `${corsType}.Cors` } },
    {
      name: 'envoy.filters.http.router',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ],
};
writeFileSync(
  join(folder, 'envoy.json'),
  JSON.stringify({
    static_resources: {
      listeners: [
        {
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
      clusters: [clusterOf(up, upstream.port), clusterOf(down, 1), clusterOf(empty, undefined)],
    },
  }),
);
const child = spawn(
  envoy,
  [
    '-c',
    join(folder, 'envoy.json'),
    '--concurrency',
    '1',
    '--file-flush-interval-msec',
    '10',
    '-l',
    'error',
    '--use-dynamic-base-id',
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
const lines = (name: string): string[] => {
  try {
    return readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
};
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
for (let tries = 0; lines('text').length === 0 && tries < 100; tries++) {
  await send(port, { name: 'ready', path: '/direct' });
  await sleep(100);
}
const recorded = [];
for (const each of CASES) {
  const before = lines('text').length;
  await send(port, each);
  while (
    lines('text').length === before ||
    lines('extra').length === before ||
    lines('json').length === before
  )
    await sleep(20);
  recorded.push({
    name: each.name,
    text: settled(lines('text').at(-1)!),
    extra: settled(lines('extra').at(-1)!),
    json: settled(lines('json').at(-1)!),
  });
}
child.kill('SIGKILL');
await upstream.kill();
rmSync(folder, { recursive: true });
console.log(JSON.stringify(recorded, null, 2));
process.exit(0);
