import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyHeaderOperations } from '../../../router/route/index.ts';
import { DIFFERING_COMMANDS } from '../../support/difference.ts';
import { get, routerOf } from '../rules.ts';

/**
 * Set by Envoy 1.40, asked over HTTP/1.1 from 127.0.0.1, in a request to an endpoint, in the endpoint's response
 * (201), and in a direct response; the local name of what differs from one call to the next is `*`.
 */
const RECORDED: readonly (readonly [command: string, request: string, response: string, local: string])[] = [
  ['REQ(:METHOD)', 'POST', 'POST', 'POST'],
  ['RESP(x-up)', '', 'u', ''],
  ['TRAILER(x-t)', '', '', ''],
  ['PROTOCOL', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1'],
  ['RESPONSE_CODE', '0', '201', '0'],
  ['RESPONSE_CODE_DETAILS', '', 'via_upstream', 'direct_response'],
  ['RESPONSE_FLAGS', '-', '-', '-'],
  ['UPSTREAM_HOST', '', '127.0.0.1:8080', ''],
  ['UPSTREAM_REMOTE_ADDRESS', '', '127.0.0.1:8080', ''],
  ['UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', '', '127.0.0.1', ''],
  ['UPSTREAM_REMOTE_PORT', '', '8080', ''],
  ['UPSTREAM_REQUEST_ATTEMPT_COUNT', '1', '1', '0'],
  ['UPSTREAM_DETECTED_CLOSE_TYPE', '', 'Normal', ''],
  ['DOWNSTREAM_DETECTED_CLOSE_TYPE', 'Normal', 'Normal', 'Normal'],
  ['DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT', '127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT', '127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['ROUTE_NAME', 'r', 'r', 'r'],
  ['ACCESS_LOG_TYPE', 'NotSet', 'NotSet', 'NotSet'],
  ['QUERY_PARAM(a)', '1', '1', '1'],
  ['QUERY_PARAMS', 'a=1', 'a=1', 'a=1'],
  ['BYTES_SENT', '0', '0', '0'],
  ['BYTES_RETRANSMITTED', '0', '0', '0'],
  ['PACKETS_RETRANSMITTED', '0', '0', '0'],
  ['DOWNSTREAM_WIRE_BYTES_SENT', '0', '0', '0'],
  ['DOWNSTREAM_HEADER_BYTES_SENT', '0', '0', '0'],
  ['DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT', '0', '0', '0'],
  ['RESPONSE_TRAILERS_BYTES', '0', '0', '0'],
  ['GRPC_STATUS', '', '', ''],
  ['TRACE_ID', '', '', ''],
  ['REQUESTED_SERVER_NAME', '', '', ''],
  ['UPSTREAM_TRANSPORT_FAILURE_REASON', '', '', ''],
  ['DYNAMIC_METADATA(a:b)', '', '', ''],
  ['BYTES_RECEIVED', '0', '5', '0'],
  ['UPSTREAM_WIRE_BYTES_RECEIVED', '0', '127', '0'],
  ['UPSTREAM_HEADER_BYTES_RECEIVED', '0', '97', '0'],
  ['UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED', '0', '97', '0'],
  ['UPSTREAM_WIRE_BYTES_SENT', '0', '1466', '0'],
  ['UPSTREAM_HEADER_BYTES_SENT', '0', '1437', '0'],
  ['UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT', '0', '1437', '0'],
  ['RESPONSE_HEADERS_BYTES', '0', '125', '10'],
  ['UPSTREAM_CONNECTION_ID', '0', '2', '0'],
  ['DOWNSTREAM_WIRE_BYTES_RECEIVED', '124', '124', '128'],
  ['DOWNSTREAM_HEADER_BYTES_RECEIVED', '91', '91', '91'],
  ['DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED', '91', '91', '91'],
  ['REQUEST_HEADERS_BYTES', '222', '992', '191'],
  ['REQUEST_DURATION', '', '1', ''],
  ['REQUEST_TX_DURATION', '', '1', ''],
  ['RESPONSE_DURATION', '', '2', ''],
  ['UPSTREAM_CONNECTION_POOL_READY_DURATION', '', '0', ''],
  ['DURATION', '0', '2', '0'],
  ['COMMON_DURATION(DS_RX_BEG:US_RX_BEG:ms)', '', '2', ''],
  ['START_TIME', '*', '*', '*'],
  ['EMIT_TIME', '*', '*', '*'],
  ['HOSTNAME', '*', '*', '*'],
  ['ENVIRONMENT(HOME)', '*', '*', '*'],
  ['UNIQUE_ID', '*', '*', '*'],
  ['STREAM_ID', '*', '*', '*'],
  ['CONNECTION_ID', '1', '1', '3'],
  ['UPSTREAM_CONNECTION_IDS_ATTEMPTED', '', '2', ''],
  ['UPSTREAM_PROTOCOL', '', 'HTTP/1.1', ''],
  ['UPSTREAM_HOST_NAME', '', '127.0.0.1:8080', ''],
  ['UPSTREAM_HOST_NAME_WITHOUT_PORT', '', '127.0.0.1', ''],
  ['UPSTREAM_HOSTS_ATTEMPTED', '', '127.0.0.1:8080', ''],
  ['UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT', '', '127.0.0.1', ''],
  ['UPSTREAM_HOST_NAMES_ATTEMPTED', '', '127.0.0.1:8080', ''],
  ['UPSTREAM_LOCAL_ADDRESS', '', '*', ''],
  ['UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', '', '127.0.0.1', ''],
  ['UPSTREAM_LOCAL_PORT', '', '*', ''],
  ['DOWNSTREAM_LOCAL_ADDRESS', '*', '*', '*'],
  ['DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', '127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ['DOWNSTREAM_LOCAL_PORT', '*', '*', '*'],
  ['DOWNSTREAM_DIRECT_LOCAL_ADDRESS', '*', '*', '*'],
  ['DOWNSTREAM_REMOTE_ADDRESS', '*', '*', '*'],
  ['DOWNSTREAM_REMOTE_PORT', '*', '*', '*'],
  ['DOWNSTREAM_DIRECT_REMOTE_ADDRESS', '*', '*', '*'],
  ['DOWNSTREAM_DIRECT_REMOTE_PORT', '*', '*', '*'],
  ['RESPONSE_FLAGS_LONG', '-', '-', '-'],
];

const set = JSON.stringify(Object.fromEntries(RECORDED.map(([command], at) => [`x-${at}`, `%${command}%`])));
const ROUTER = routerOf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec:
  hosts: [other]
  http:
    - { name: r, match: [{ uri: { prefix: /local } }], directResponse: { status: 200 }, headers: { response: { set: ${set} } } }
    - { name: r, route: [{ destination: { host: other } }], headers: { request: { set: ${set} }, response: { set: ${set} } } }
`);

function answers(): Map<string, readonly string[]> {
  const ask = (path: string) =>
    ROUTER.route(get(path, { authority: 'other', method: 'POST', sourceAddress: '127.0.0.1' }), () => 0);
  const [forward, local] = [ask('/p?a=1'), ask('/local?a=1')];
  assert(forward.kind === 'forward' && local.kind === 'reply');
  const response = applyHeaderOperations([['x-up', 'u']], forward.responseHeaders, {
    status: 201,
    details: 'via_upstream',
    upstreamHost: '127.0.0.1:8080',
    attempts: 1,
  });
  const read = (headers: readonly (readonly [string, string])[], at: number) =>
    headers.find(([name]) => name === `x-${at}`)?.[1] ?? '';
  return new Map(
    RECORDED.map(([command], at) => [
      command,
      [forward.request.headers, response, local.headers].map((headers) => read(headers, at)),
    ]),
  );
}

test('route() fills in the commands of header values as Envoy does', () => {
  const got = answers();
  const wrong = RECORDED.filter(([command, ...want]) => String(got.get(command)) !== String(want));
  const names = wrong.map(([command]) => command.replace(/\(.*/s, ''));
  assert.deepEqual(names, DIFFERING_COMMANDS);
});
