/** What a real OpenTelemetry Collector makes of the spans that a gateway sends to it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textSource } from '../../../config/text.ts';
import { createOtlpExporter } from '../../../gateway/telemetry/otlp.ts';
import { closedPort } from '../../closed-port.ts';
import { findPeer, skipWithout } from '../../peer/find.ts';
import { startAny } from '../../program.ts';
import { ask, openGateway } from '../world.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';

/** The collector, listening. */
async function startCollector(port: number) {
  const config = JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { debug: { verbosity: 'detailed' } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } },
    },
  });
  const program = startAny(findPeer('otelcol')!, ['--config', `yaml:${config}`]);
  /** What it has written once that holds the text. */
  const told = async (text: string): Promise<string> => {
    while (!program.stderr().includes(text)) {
      assert.ok(!program.ended(), program.stderr());
      await new Promise((done) => setTimeout(done, 20));
    }
    return program.stderr();
  };
  await told('Everything is ready');
  return { program, told };
}

test('createOtlpExporter() sends spans that a real collector takes', {
  skip: skipWithout('otelcol'),
  timeout: 30_000,
}, async () => {
  // The collector does not say which one it took.
  const port = await closedPort();
  const { program, told } = await startCollector(port);
  const warnings: string[] = [];
  const sink = await createOtlpExporter({
    url: `http://127.0.0.1:${port}`,
    serviceName: 'web.shop',
    warn: (message) => void warnings.push(message),
  });
  const opened = await openGateway({
    services: [{ host: 'greeter', port: 80, handler: { fetch: () => new Response('no', { status: 503 }) } }],
    config: textSource('rules.yaml', ''),
    tracing: { sink, samplingPercent: 0, tags: { node_id: 'n' } },
  });
  const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;
  await ask(opened.port, { path: '/a?b=1', headers: ['host', 'greeter', 'traceparent', traceparent] });
  await opened.gateway.stop(0);
  await sink.close();
  const seen = await told('node_id: Str(n)');
  program.kill('SIGTERM');
  assert.equal(await program.exit, 0);
  assert.deepEqual(warnings, []);
  for (const line of [
    /-> service\.name: Str\(web\.shop\)/,
    new RegExp(`Trace ID +: ${TRACE_ID}`),
    new RegExp(`Parent ID +: ${PARENT_ID}`),
    /Kind +: Server/,
    /Status code +: Error/,
    /-> http\.status_code: \w+\(503\)/,
    /-> http\.url: Str\(http:\/\/greeter\/a\?b=1\)/,
  ])
    assert.match(seen, line);
});
