/**
 * What telemetry adds to a request, of all that happens to it between the engines of its two connections: routing,
 * forwarding, the answer.
 *
 *     bun bench/gateway/telemetry.ts
 *
 * Prints nanoseconds a request, as a Markdown table: of the quickest of many short rounds, which take turns, as whatever
 * else the machine does only adds.
 */
import { createTelemetry } from '../../gateway/exchange-telemetry.ts';
import { observer } from '../../gateway/observer.ts';
import { Overload } from '../../gateway/overload.ts';
import { type ProxyContext, proxy } from '../../gateway/proxy.ts';
import { prometheusMetrics } from '../../gateway/telemetry/prometheus.ts';
import { finish, parse, type Service, validate } from '../../router/index.ts';
import { systemClock } from '../../traffic/clock.ts';
import { compiler } from '../../traffic/rule-set/compiler.ts';
import { buildRuleSet } from '../../traffic/rule-set/rule-set.ts';
import { UpstreamPool } from '../../upstream/pool.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { type FieldList, NO_FIELDS, type ServerStream } from '../../wire/stream.ts';
import { formatTable, runtimeName } from '../router/measure.ts';

const CALLS = 2000;
const ROUNDS = 60;
const WARM_UP_ROUNDS = 20;

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: greeter }
spec:
  hosts: [greeter]
  http:
    - { name: admin, match: [{ headers: { user: { exact: admin } } }], route: [{ destination: { host: greeter, subset: v2 } }] }
    - { name: rest, route: [{ destination: { host: greeter, subset: v1 } }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: greeter }
spec:
  host: greeter
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

const SERVICE: Service = {
  host: 'greeter.default.svc.cluster.local',
  namespace: 'default',
  ports: [{ name: 'grpc', number: 80, protocol: 'GRPC' }],
  endpoints: ['v1', 'v2'].map((version) => ({
    id: version,
    labels: { version },
    target: { kind: 'in-process' },
  })),
};

const body = new Uint8Array(20);
const answerHeaders: FieldList = [['content-type', 'application/grpc']];
const answerTrailers: FieldList = [['grpc-status', '0']];
const upstream: Upstream = {
  open(_head, _hasEnded, receiver) {
    queueMicrotask(() => {
      receiver.response(200, answerHeaders, false);
      receiver.data(body);
      receiver.end(answerTrailers);
    });
    return { write() {}, end() {}, consumed() {}, reset() {} };
  },
};

const head = {
  method: 'POST',
  scheme: 'http',
  authority: 'greeter',
  path: '/api.Greeter/SayHello',
  headers: [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['user-agent', 'grpc-go/1.83.2'],
    ['x-request-id', '0b6d0d2e-6f4c-4f29-a5a7-6dc4a4c62b2f'],
    ['x-forwarded-proto', 'http'],
  ] as FieldList,
  port: 80,
  http2: true,
  sourceAddress: '127.0.0.1',
  sourcePort: 40_000,
};

const resources = validate(parse(RULES, { file: 'rules.yaml' }).resources).resources;
const rules = finish(
  buildRuleSet({ resources }, new UpstreamPool(() => upstream), {
    compile: { services: [SERVICE] },
    compiler,
    chance: () => 0,
  }),
);

let written = 0;

/** A gateway's context with some of the telemetry on. */
function contextOf(on: { metrics?: true; accessLog?: 'text' | 'json'; sampling?: number }): ProxyContext {
  const overload = new Overload(1_000_000);
  const metrics = on.metrics && prometheusMetrics();
  const telemetry = createTelemetry({
    ...(on.accessLog && {
      accessLog: {
        format: on.accessLog,
        write(line: string) {
          written += line.length;
        },
      },
    }),
    ...(on.sampling !== undefined && {
      tracing: {
        samplingPercent: on.sampling,
        sink: {
          export({ name }: { readonly name: string }) {
            written += name.length;
          },
        },
      },
    }),
  });
  return {
    rules,
    random: () => 0,
    clock: systemClock,
    isEdge: false,
    debugHeaders: false,
    explainNotFound: false,
    ended: observer(overload, { metrics, telemetry, table: rules.compilation.table, isEdge: false }),
    observed: telemetry?.isTiming ? 'timing' : metrics || telemetry ? 'duration' : 'nothing',
    beginTrace: telemetry?.beginTrace,
    overload,
    own: () => undefined,
    error: () => {},
    authorityOf: ({ authority }) => authority,
  };
}

/** One request after the other. */
function run(context: ProxyContext, calls: number): Promise<void> {
  return new Promise((resolve) => {
    let left = calls;
    const stream: ServerStream = {
      inform() {},
      respond() {},
      write() {},
      consumed() {},
      reset() {},
      end() {
        if (--left === 0) resolve();
        else queueMicrotask(ask);
      },
    };
    const arrival = { head, hasEnded: false, upgrade: undefined, servicePort: 80, sendsTrailers: true };
    const ask = (): void => {
      const receiver = proxy(stream, arrival, context);
      receiver.data(body);
      receiver.end(NO_FIELDS);
    };
    ask();
  });
}

const ways = Object.entries({
  nothing: contextOf({}),
  metrics: contextOf({ metrics: true }),
  'metrics, 1 % of traces': contextOf({ metrics: true, sampling: 1 }),
  'metrics, all traces': contextOf({ metrics: true, sampling: 100 }),
  'metrics, access log as text': contextOf({ metrics: true, accessLog: 'text' }),
  'metrics, access log as JSON': contextOf({ metrics: true, accessLog: 'json' }),
}).map(([name, context]) => ({ name, context, quickestNs: Number.POSITIVE_INFINITY }));

for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++)
  for (const way of ways) {
    const started = performance.now();
    await run(way.context, CALLS);
    const ns = ((performance.now() - started) * 1e6) / CALLS;
    if (round >= 0) way.quickestNs = Math.min(way.quickestNs, ns);
  }
const base = ways[0]!.quickestNs;
console.log(`${runtimeName()}, nanoseconds a request\n`);
console.log(
  formatTable(
    ['telemetry', 'ns', 'more'],
    ways.map(({ name, quickestNs }) => [name, quickestNs.toFixed(0), (quickestNs - base).toFixed(0)]),
  ),
);
if (written === 0) throw new Error('Nothing was written');
