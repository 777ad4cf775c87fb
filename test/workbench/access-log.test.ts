import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLogLine } from '../../workbench/access-log.ts';

/** Lines as Envoy's and Istio's documentation show them. */
const CASES: readonly [name: string, line: string, want: string | undefined][] = [
  [
    "Envoy's default format",
    '[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"',
    'POST locations /api/v1/locations 80 h2 user-agent=nsq2http x-forwarded-for=10.0.35.28 x-request-id=cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2',
  ],
  [
    "Istio's format",
    '[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 "-" "curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 outbound_.8000_._.httpbin.foo.svc.cluster.local default',
    'GET httpbin:8000 /status/418 8000 h1 user-agent=curl/7.73.0-DEV x-request-id=84961386-6d84-929d-98bd-c5aee93b5c88',
  ],
  [
    'JSON by the names of Istio, with headers',
    '{"method":"GET","path":"/a?b=c","authority":"shop","protocol":"HTTP/2","user_agent":"curl","headers":{"User":"admin"}}',
    'GET shop /a?b=c 80 h2 user=admin user-agent=curl',
  ],
  [
    'text beyond ASCII as bytes',
    '{"method":"GET","path":"/?q=é","authority":"shop","protocol":"HTTP/2","headers":{"User":"Zoë"}}',
    'GET shop /?q=\xc3\xa9 80 h2 user=Zo\xc3\xab',
  ],
  [
    "Istio's format, with the port of the address that the client came to",
    '[2024-01-01T00:00:00.000Z] "GET / HTTP/2" 200 - via_upstream - "-" 0 3 1 1 "-" "-" "-" "s.example.com" "10.0.0.1:80" outbound|80|v1|shop.default.svc.cluster.local 10.1.1.1:5 10.1.1.2:8443 10.2.2.2:99 s.example.com -',
    'GET s.example.com / 8443 h2',
  ],
  [
    'JSON with the address that the client came to, of IPv6',
    '{"method":"GET","path":"/","authority":"shop","downstream_local_address":"[fd00::1]:8080"}',
    'GET shop / 8080 h1',
  ],
  [
    "JSON of a server's own sidecar",
    '{"method":"GET","path":"/","authority":"shop","upstream_cluster":"inbound|9080||","downstream_local_address":"10.1.1.2:9080"}',
    'GET shop / 80 h1',
  ],
  ['JSON without a request', '{"level":"info"}', undefined],
  ['JSON that is cut off', '{"method":"GET"', undefined],
  ['another text', 'Started server on port 80', undefined],
  [
    'a request that was none',
    '[2016-04-15T20:17:00.310Z] "- - -" 400 DPE 0 11 0 - "-" "-" "-" "-" "-"',
    undefined,
  ],
];

for (const [name, line, want] of CASES) {
  test(`readLogLine() reads ${name}`, () => {
    const read = readLogLine(line)?.request;
    const got =
      read &&
      [
        ...[read.method, read.authority, read.path, read.port, read.http2 ? 'h2' : 'h1'],
        ...read.headers.map((header) => header.join('=')),
      ].join(' ');
    assert.equal(got, want);
  });
}

test('readLogLine() reads the same request from the text and the JSON that a real Envoy wrote', () => {
  const file = join(import.meta.dirname, '../gateway/telemetry/access-log.json');
  const lines: { name: string; text: string; json: string }[] = JSON.parse(readFileSync(file, 'utf8'));
  let read = 0;
  for (const { name, text, json } of lines) {
    const [one, other] = [text, json].map((line) => readLogLine(line)?.request);
    assert.deepEqual(one?.path, other?.path, name);
    assert.deepEqual(
      [one?.method, one?.authority, one?.http2],
      [other?.method, other?.authority, other?.http2],
      name,
    );
    if (one) read++;
  }
  assert.ok(read > lines.length / 2, `${read} of ${lines.length}`);
});
