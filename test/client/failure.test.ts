/** What a routed transport's callers are told where no endpoint answered, in each protocol. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Code, type ConnectError } from '@connectrpc/connect';
import { refusingPort } from '../closed-port.ts';
import { echoRoutes } from '../gateway/echo.ts';
import { connectServer, remoteService, type Server } from '../gateway/world.ts';
import { destinationRule, plainRule, virtualService, withClient } from './world.ts';

let server: Server;
let closedPort = 0;

before(async () => {
  server = await connectServer('http2', echoRoutes('echo'));
  closedPort = await refusingPort();
});
after(() => server.kill());

const PROTOCOLS = ['grpc', 'grpc-web', 'connect'] as const;

interface Case {
  readonly name: string;
  readonly rules: string | readonly string[];
  readonly baseUrl?: string;
  /** Default: the server. */
  readonly ports?: () => readonly number[];
  readonly value?: string;
  readonly code: Code;
  readonly message: RegExp;
  readonly metadata?: Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  {
    name: 'a host that nobody knows',
    rules: plainRule(),
    baseUrl: 'http://nobody:8080',
    code: Code.Unimplemented,
    message: /^No service or rule has host "nobody:8080" on port 8080 \(path \/test\.Echo\/Unary\)$/,
  },
  {
    name: 'a path that no rule takes',
    rules: virtualService(
      '[{ match: [{ uri: { exact: /other } }], route: [{ destination: { host: echo } }] }]',
    ),
    code: Code.Unimplemented,
    message: /echo.*\/test\.Echo\/Unary/,
  },
  {
    name: 'a subset without endpoints',
    rules: [
      virtualService('[{ route: [{ destination: { host: echo, subset: v2 } }] }]'),
      destinationRule('subsets: [{ name: v2, labels: { version: v2 } }]'),
    ],
    code: Code.Unavailable,
    message: /^no healthy upstream \(echo\.default\.svc\.cluster\.local subset v2\)$/,
  },
  {
    name: 'a subset that there is not',
    rules: virtualService('[{ route: [{ destination: { host: echo, subset: none } }] }]'),
    code: Code.Unavailable,
    message: /^No cluster is called outbound\|80\|none\|echo\.default\.svc\.cluster\.local: /,
  },
  {
    name: 'an endpoint that refuses the connection',
    rules: plainRule('retries: { attempts: 0 }'),
    ports: () => [closedPort],
    code: Code.Unavailable,
    message: /reset reason: remote connection failure \(echo\.default\.svc\.cluster\.local\)$/,
  },
  {
    name: "a rule's timeout",
    rules: plainRule('timeout: 30ms'),
    value: 'wait',
    code: Code.DeadlineExceeded,
    message: /^upstream request timeout/,
  },
  {
    name: 'an abort with an HTTP status',
    rules: plainRule('fault: { abort: { httpStatus: 429, percentage: { value: 100 } } }'),
    code: Code.Unavailable,
    message: /^fault filter abort$/,
  },
  {
    name: 'an abort with a gRPC status',
    rules: plainRule('fault: { abort: { grpcStatus: DATA_LOSS, percentage: { value: 100 } } }'),
    code: Code.DataLoss,
    message: /^fault filter abort$/,
  },
  {
    name: 'a direct response that refuses',
    rules: virtualService('[{ directResponse: { status: 503, body: { string: closed for the night } } }]'),
    code: Code.Unavailable,
    message: /^closed for the night$/,
  },
  {
    name: 'a redirect',
    rules: virtualService('[{ redirect: { authority: elsewhere } }]'),
    code: Code.Unknown,
    message:
      /^the rule redirects to http:\/\/elsewhere\/test\.Echo\/Unary, where a client of RPCs does not go$/,
    metadata: { location: 'http://elsewhere/test.Echo/Unary' },
  },
  {
    name: 'a limit of the connection pool',
    rules: [
      plainRule('retries: { attempts: 0 }'),
      destinationRule('trafficPolicy: { connectionPool: { http: { http2MaxRequests: 1 } } }'),
    ],
    code: Code.Unavailable,
    message: /overflow/,
    metadata: { 'x-envoy-overloaded': 'true' },
    value: 'second',
  },
];

for (const { name, rules, baseUrl = 'http://echo', ports, value = 'a', code, message, metadata } of cases)
  for (const protocol of PROTOCOLS)
    test(`createRoutedTransport() tells its callers of ${name}, ${protocol}`, async () => {
      const services = [
        remoteService(
          'echo',
          (ports?.() ?? [server.port]).map((port) => ({ port, labels: { version: 'v1' } })),
          'http2',
        ),
      ];
      await withClient(
        rules,
        services,
        async (client) => {
          const stop = new AbortController();
          const first = value === 'second' && client.unary({ value: 'wait' }, { signal: stop.signal });
          if (first) {
            first.catch(() => {});
            await new Promise((done) => setTimeout(done, 20));
          }
          await assert.rejects(client.unary({ value }), (error: ConnectError) => {
            assert.equal(error.code, code, error.message);
            assert.match(error.rawMessage, message);
            for (const [header, text] of Object.entries(metadata ?? {}))
              assert.equal(error.metadata.get(header), text);
            return true;
          });
          stop.abort();
        },
        { protocol, baseUrl },
      );
    });

test('createRoutedTransport() takes a direct response that is an answer for one', async () => {
  const rule = (status: number, body: string) =>
    virtualService(
      `[{ directResponse: { status: ${status}, body: { string: '${body}' } }, headers: { response: { set: { content-type: application/json } } } }]`,
    );
  const options = { protocol: 'connect', useBinaryFormat: false } as const;
  const services = [remoteService('echo', [])];
  await withClient(
    rule(200, '"written by hand"'),
    services,
    async (client) => {
      assert.equal((await client.unary({ value: 'a' })).value, 'written by hand');
    },
    options,
  );
  await withClient(
    rule(503, '{"code":"resource_exhausted","message":"try tomorrow"}'),
    services,
    async (client) => {
      await assert.rejects(client.unary({ value: 'a' }), (error: ConnectError) => {
        assert.equal(error.code, Code.ResourceExhausted);
        return error.rawMessage === 'try tomorrow';
      });
    },
    options,
  );
});
