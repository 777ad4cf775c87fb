/** Spans of requests, and what upstreams are told of them; through a real receiver of OTLP. */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import * as http from 'node:http';
import { test } from 'node:test';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { textSource } from '../../../config/text.ts';
import type { FinishedSpan } from '../../../gateway/index.ts';
import { createOtlpExporter } from '../../../gateway/telemetry/otlp.ts';
import { ask, openGateway, start } from '../world.ts';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
    - { match: [{ uri: { exact: /split } }], route: [{ destination: { host: greeter }, weight: 1 }, { destination: { host: other }, weight: 1 }] }
    - { match: [{ uri: { prefix: /api } }], route: [{ destination: { host: greeter } }] }
    - { match: [{ uri: { regex: '/r.*x' } }], route: [{ destination: { host: greeter } }] }
    - { route: [{ destination: { host: greeter } }] }
`;

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';

/** A gateway whose services answer with the headers they got, and the spans it makes. */
async function open(samplingPercent: number) {
  const spans: FinishedSpan[] = [];
  const handler = { fetch: (request: Request) => Response.json(Object.fromEntries(request.headers)) };
  const { gateway, port } = await openGateway({
    services: [
      { host: 'greeter', port: 80, handler },
      { host: 'other', port: 80, handler },
    ],
    config: textSource('rules.yaml', RULES),
    tracing: { sink: { export: (span) => void spans.push(span) }, samplingPercent, tags: { node_id: 'n' } },
  });
  const seen = async (path: string, headers: readonly string[] = []): Promise<Record<string, string>> =>
    JSON.parse((await ask(port, { path, headers: ['host', 'greeter', ...headers] })).body || '{}');
  return { gateway, port, spans, seen };
}

test('a gateway tells upstreams of its span, and exports it', async () => {
  const { gateway, spans, seen } = await open(0);
  const got = await seen('/api/x?y=1', [
    'traceparent',
    `00-${T}-${S}-01`,
    'tracestate',
    'a=b',
    'user-agent',
    't/1',
  ]);
  await gateway.stop(0);
  const [span] = spans as [FinishedSpan];
  assert.equal(spans.length, 1);
  assert.equal(got['traceparent'], `00-${T}-${span.context.spanId}-01`);
  assert.equal(got['tracestate'], 'a=b');
  assert.deepEqual([span.context.traceId, span.context.parentSpanId], [T, S]);
  assert.equal(span.name, 'greeter.default.svc.cluster.local:80/api*');
  assert.ok(span.endMs >= span.startMs && Math.abs(Date.now() - span.endMs) < 60_000);
  const { 'guid:x-request-id': id, response_size: size, ...attributes } = span.attributes;
  assert.match(id!, /^[0-9a-f-]{36}$/);
  assert.ok(Number(size) > 0);
  // What Envoy 1.40 exported for such a request, but for the zone, which it has none of either.
  assert.deepEqual(attributes, {
    'http.url': 'http://greeter/api/x?y=1',
    'http.method': 'GET',
    downstream_cluster: '-',
    user_agent: 't/1',
    'http.protocol': 'HTTP/1.1',
    'peer.address': '127.0.0.1',
    request_size: '0',
    component: 'proxy',
    upstream_cluster: 'outbound|80||greeter.default.svc.cluster.local',
    'upstream_cluster.name': 'outbound|80||greeter.default.svc.cluster.local;',
    'http.status_code': '200',
    response_flags: '-',
    node_id: 'n',
  });
});

test('a gateway names spans by the route that took the request, and marks failures', async () => {
  const { gateway, port, spans, seen } = await open(100);
  for (const path of ['/split', '/rx', '/']) await seen(path);
  await ask(port, { headers: ['host', 'nobody'] });
  await gateway.stop(0);
  assert.deepEqual(
    spans.map(({ name, isError, attributes }) => [
      name,
      isError,
      attributes['http.status_code'],
      attributes['error'],
    ]),
    [
      ['greeter:80/split', false, '200', undefined],
      ['greeter.default.svc.cluster.local:80/r.*x', false, '200', undefined],
      ['greeter.default.svc.cluster.local:80/*', false, '200', undefined],
      ['egress nobody', false, '404', undefined],
    ],
  );
});

test('a gateway exports no span that is not sampled, and tells upstreams so', async () => {
  const { gateway, spans, seen } = await open(0);
  assert.match((await seen('/'))['traceparent']!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  await gateway.stop(0);
  assert.equal(spans.length, 0);
});

test('a gateway that does not trace passes every form of context on as it came', async () => {
  const handler = { fetch: (request: Request) => Response.json(Object.fromEntries(request.headers)) };
  const { gateway, port } = await openGateway({ services: [{ host: 'greeter', port: 80, handler }] });
  const sent = {
    traceparent: `00-${T}-${S}-01`,
    tracestate: 'a=b',
    b3: `${T}-${S}-1`,
    'x-b3-traceid': T,
    'x-b3-spanid': S,
    'x-b3-parentspanid': S,
    'x-b3-sampled': '1',
    'x-b3-flags': '0',
  };
  const { body } = await ask(port, { headers: ['host', 'greeter', ...Object.entries(sent).flat()] });
  await gateway.stop(0);
  const got = JSON.parse(body);
  assert.deepEqual(Object.fromEntries(Object.keys(sent).map((name) => [name, got[name]])), sent);
});

/** Every field of a message as text, where it can be read as one, with its path of numbers. */
function fieldsOf(bytes: Uint8Array, path = ''): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const here = `${path}${number}`;
    if (type !== WireType.LengthDelimited) {
      reader.skip(type);
      continue;
    }
    const value = reader.bytes();
    fields.set(here, [...(fields.get(here) ?? []), Buffer.from(value).toString('latin1')]);
    try {
      for (const [name, values] of fieldsOf(value, `${here}.`))
        fields.set(name, [...(fields.get(name) ?? []), ...values]);
    } catch {
      // Text, or bytes.
    }
  }
  return fields;
}

test('createOtlpExporter() sends spans to a collector', async () => {
  const arrived: { url: string; type: string; body: Buffer }[] = [];
  const collector = await start(
    http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => void chunks.push(chunk));
      request.on('end', () => {
        arrived.push({
          url: request.url ?? '',
          type: request.headers['content-type'] ?? '',
          body: Buffer.concat(chunks),
        });
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
    }),
  );
  const warnings: string[] = [];
  const exporter = await createOtlpExporter({
    url: `http://127.0.0.1:${collector.port}`,
    serviceName: 'web.shop',
    warn: (message) => void warnings.push(message),
  });
  const context = { traceId: T, spanId: S, parentSpanId: 'c'.repeat(16), isSampled: true };
  const span = { context, startMs: 1_767_618_249_007.25, endMs: 1_767_618_249_010, isError: true };
  for (let index = 0; index < 3; index++)
    exporter.export({ ...span, name: `span ${index}`, attributes: { 'http.method': 'GET' } });
  await exporter.close();
  await collector.kill();
  assert.deepEqual(warnings, []);
  assert.deepEqual(
    arrived.map(({ url, type }) => [url, type]),
    [['/v1/traces', 'application/x-protobuf']],
  );
  // opentelemetry/proto/trace/v1/trace.proto: resource_spans 1, scope_spans 2, spans 2.
  const fields = fieldsOf(arrived[0]!.body);
  assert.deepEqual(fields.get('1.1.1.1'), ['service.name']);
  assert.deepEqual(fields.get('1.1.1.2.1'), ['web.shop']);
  assert.deepEqual(fields.get('1.2.2.5'), ['span 0', 'span 1', 'span 2']);
  assert.equal(Buffer.from(fields.get('1.2.2.1')![0]!, 'latin1').toString('hex'), T);
  assert.equal(Buffer.from(fields.get('1.2.2.2')![0]!, 'latin1').toString('hex'), S);
  assert.equal(Buffer.from(fields.get('1.2.2.4')![0]!, 'latin1').toString('hex'), 'c'.repeat(16));
  assert.deepEqual(fields.get('1.2.2.9.1')?.slice(0, 1), ['http.method']);
});

test('createOtlpExporter() does not wait for a collector that is not there', async () => {
  const warnings: string[] = [];
  const exporter = await createOtlpExporter({
    url: 'http://127.0.0.1:1/v1/traces',
    serviceName: 'x',
    timeoutMs: 300,
    closeLimitMs: 50,
    warn: (message) => void warnings.push(message),
  });
  exporter.export({
    context: { traceId: T, spanId: S, parentSpanId: undefined, isSampled: true },
    name: 'n',
    startMs: 0,
    endMs: 1,
    attributes: {},
    isError: false,
  });
  const started = performance.now();
  await exporter.close();
  assert.ok(performance.now() - started < 2000);
  // If it has failed by now, it says so in one line.
  for (const warning of warnings) assert.match(warning, /^Cannot send spans: (?!\{)/);
});
