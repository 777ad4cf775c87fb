import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { textSource } from '../../../config/text.ts';
import { compileAccessLog } from '../../../gateway/telemetry/access-log.ts';
import type { AccessRecord } from '../../../gateway/telemetry/access-record.ts';
import type { Service } from '../../../router/index.ts';
import { openGateway, remoteService } from '../world.ts';
import { CASES, EXTRA_FORMAT, openUpstream, RULES, send, settled } from './access-log-world.ts';

interface Recorded {
  readonly name: string;
  readonly text: string;
  readonly extra: string;
  readonly json: string;
}

/** What real Envoy 1.40 wrote; see access-log-record.ts. */
const recorded: readonly Recorded[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'access-log.json'), 'utf8'),
);

/** Where a line is not Envoy's, and why. One that is none any more fails. */
const DIFFERENCES: Readonly<Record<string, { readonly why: string; ours(line: string): string }>> = {
  'a refused connection': {
    why: "the transport's own words",
    ours: (line) =>
      line
        .replaceAll('|delayed_connect_error:_Connection_refused', '')
        .replaceAll('delayed_connect_error:_Connection_refused', '<reason>'),
  },
  'a chunk without a size': {
    why: 'a client whose body cannot be read is gone, though it is answered 400',
    ours: (line) =>
      line
        .replace('400 DPE http1.codec_error - "-" 0 11', '0 DC downstream_remote_disconnect - "-" 0 0')
        .replace('"bytes_sent":11', '"bytes_sent":0')
        .replace('"response_code":400', '"response_code":0')
        .replace('http1.codec_error', 'downstream_remote_disconnect')
        .replace('"DPE"', '"DC"')
        .replace('text/plain', '-')
        .replace('DownstreamProtocolError', 'DownstreamConnectionTermination'),
  },
};

/** Of neither connection the gateway knows its own end. */
function withoutLocalAddresses(line: string): string {
  return line
    .replace(/(?:<address>|-) <address> (?=\S+ - \S+$)/, '- - ')
    .replace(/"(up|down)stream_local_address":"<address>"/g, '"$1stream_local_address":null');
}

/** What a connection's failure is called differs by runtime. */
function withoutReason(line: string): string {
  return line.replace(/Cannot_connect_to_[^"]*/, '<reason>');
}

function serviceAt(port: number, host: string): Service {
  return remoteService(host, [{ port }]);
}

test('createGateway() logs what Envoy logs, in text and JSON', async () => {
  const upstream = await openUpstream();
  const lines: Record<'text' | 'extra' | 'json', string[]> = { text: [], extra: [], json: [] };
  const formats = { text: 'text', extra: EXTRA_FORMAT, json: 'json' } as const;
  const opened = await Promise.all(
    (['text', 'extra', 'json'] as const).map(async (kind) => {
      const { gateway, port } = await openGateway({
        config: textSource('rules.yaml', RULES),
        remoteServices: [serviceAt(upstream.port, 'up'), serviceAt(1, 'down')],
        accessLog: { format: formats[kind], write: (line) => void lines[kind].push(line) },
      });
      return { kind, gateway, port };
    }),
  );
  const got: Recorded[] = [];
  for (const each of CASES) {
    const before = lines.text.length;
    await Promise.all(opened.map(({ port }) => send(port, each)));
    for (let tries = 0; Object.values(lines).some(({ length }) => length === before) && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 2));
    const last = (kind: 'text' | 'extra' | 'json') =>
      withoutReason(settled(lines[kind].at(-1)!.replace(/\n$/, '')));
    got.push({ name: each.name, text: last('text'), extra: last('extra'), json: last('json') });
  }
  await Promise.all(opened.map(({ gateway }) => gateway.stop(0)));
  await upstream.kill();
  const want = recorded.map(({ name, text, extra, json }) => {
    const ours = (line: string) => DIFFERENCES[name]?.ours(line) ?? line;
    return {
      name,
      text: withoutLocalAddresses(ours(text)),
      extra: ours(extra),
      json: withoutLocalAddresses(ours(json)),
    };
  });
  assert.deepEqual(got, want);
});

const RECORD: AccessRecord = {
  startMs: Date.UTC(2026, 0, 5, 13, 4, 9, 7),
  durationMs: 12.9,
  serviceMs: 3.2,
  method: 'GET',
  path: '/a?b=1',
  originalPath: undefined,
  authority: 'host:80',
  scheme: 'http',
  protocol: 'HTTP/2',
  requestHeaders: [
    ['x-user', 'somebody'],
    ['authorization', 'Bearer secret'],
  ],
  responseHeaders: [['content-type', 'text/plain']],
  trailers: [['x-end', 'yes']],
  status: 200,
  grpcStatus: undefined,
  flag: 'URX,UF',
  details: 'via_upstream',
  failureReason: undefined,
  receivedBytes: 1,
  sentBytes: 2,
  upstreamHost: '[::1]:80',
  cluster: 'outbound|80||a',
  routeName: undefined,
  attempts: 1,
  remoteAddress: '[fe80::1]:1234',
  directRemoteAddress: '10.0.0.1:1234',
  traceId: undefined,
};

const lineCases: readonly { readonly format: string | Record<string, string>; readonly want: string }[] = [
  { format: '%START_TIME%', want: '2026-01-05T13:04:09.007Z' },
  { format: '%START_TIME(%Y-%m-%d %H:%M:%E3S %z)%', want: '2026-01-05 13:04:09.007 +0000' },
  { format: '%START_TIME(%s.%3f)%', want: '1767618249.007' },
  { format: '%START_TIME(%a, %d %b %y %j %I%p)%', want: 'Mon, 05 Jan 26 005 01PM' },
  { format: '%RESPONSE_FLAGS_LONG%', want: 'UpstreamRetryLimitExceeded,UpstreamConnectionFailure' },
  { format: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', want: 'fe80::1' },
  { format: '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%', want: '10.0.0.1:1234' },
  { format: '%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', want: '[::1]:80 ::1' },
  { format: '%REQ(X-USER):3% %REQ(HOST)% %REQ(:SCHEME)%', want: 'som host:80 http' },
  { format: '%TRAILER(X-End)% %RESP(:status)%', want: 'yes 200' },
  { format: '%PATH(WQ)% %PATH(NQ)% %PATH(WQ:ORIG)%', want: '/a?b=1 /a -' },
  {
    format: { b: '%DURATION%', a: '%DURATION%ms', c: '%ROUTE_NAME%', d: 'x%ROUTE_NAME%' },
    want: '{"a":"12ms","b":12,"c":null,"d":"x-"}',
  },
  { format: '{"status": "%RESPONSE_CODE%"}', want: '{"status":200}' },
];
for (const { format, want } of lineCases)
  test(`compileAccessLog() writes ${JSON.stringify(format)}`, () => {
    assert.equal(compileAccessLog(format)(RECORD), `${want}\n`);
  });

for (const format of ['text', 'json', EXTRA_FORMAT])
  test(`compileAccessLog() tells no secret by ${format.slice(0, 20)}`, () => {
    assert.doesNotMatch(compileAccessLog(format)(RECORD), /secret/);
  });

const wrong: readonly { readonly format: string | Record<string, string>; readonly message: RegExp }[] = [
  { format: 'json5', message: /^Cannot log by "json5": write text, json, a format string/ },
  { format: '%NOPE%', message: /^Cannot log %NOPE%: there is no such command; there are .*BYTES_SENT/ },
  { format: 'a %REQ(x', message: /at "%REQ\(x": a command is written %NAME%/ },
  { format: '%REQ()%', message: /^Cannot log %REQ\(\)%: it takes a header, or two with \? between$/ },
  { format: '%DURATION(ms)%', message: /it takes no argument/ },
  { format: '%START_TIME(%Q)%', message: /its time format has a letter that is not known/ },
  { format: '{"a": 1}', message: /^Cannot log "a": its value has to be a format string$/ },
  { format: '{"a": ', message: /^Cannot log by an object that is no JSON/ },
  { format: '%constructor%', message: /a command is written/ },
];
for (const { format, message } of wrong)
  test(`compileAccessLog() refuses ${JSON.stringify(format)}`, () => {
    assert.throws(() => compileAccessLog(format), { name: 'RangeError', message });
  });
