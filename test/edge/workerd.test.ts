/** The router alone and the whole gateway in workerd: a runtime with fetch, without sockets, eval and node's modules. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { HelloRequestSchema } from '../../gen/api/greeter_pb.ts';
import { compile, type RouteTable } from '../../router/index.ts';

import { toRouteRequest } from '../conformance/router-mode.ts';
import { caseFolders, readCase } from '../conformance/world.ts';
import { answer, type Question } from './router-worker.ts';
import { bundle, startWorker } from './worker.ts';

const MAX_ROUTER_BYTES = 150_000;
/** One of each way to decide; regexes above all, which an edge compiles by itself. */
const CASES =
  /^(route-everything|match-uri-regex.*|match-header-regex|rewrite-regex.*|fault-abort-50|gateway-merge|direct-bytes|weights-80-20|hash-cookie|cors-full|mirrors-several|random-s00\d)$/;

test('router/route decides in workerd as it does here, in a bundle without YAML and zod', async () => {
  const made = bundle('test/edge/router-worker.ts');
  console.log(`router/route is ${made.bytes} bytes, bundled and minified`);
  assert.ok(made.bytes < MAX_ROUTER_BYTES, `${made.bytes} bytes, at most ${MAX_ROUTER_BYTES} are allowed`);
  assert.doesNotMatch(made.modules.map(({ text }) => text).join(), /ZodError|YAMLParseError|from"node:/);

  const cases = caseFolders(join(import.meta.dirname, '../conformance/corpus/cases'))
    .map(readCase)
    .filter(({ name }) => CASES.test(name));
  assert.ok(cases.length > 15);
  const tables = Object.fromEntries(
    cases.map(({ name, resources, options }): [string, RouteTable] => [
      name,
      compile(resources, options).table,
    ]),
  );
  const worker = await startWorker(made, { TABLES: tables });
  try {
    for (const recorded of cases) {
      for (const share of [0, 0.5, 0.999]) {
        const question: Question = {
          table: recorded.name,
          share,
          requests: recorded.world.requests.map(toRouteRequest),
        };
        const response = await worker.fetch('/', { method: 'POST', body: JSON.stringify(question) });
        const want = JSON.parse(JSON.stringify(answer(tables[recorded.name]!, question)));
        assert.deepEqual(await response.json(), want, `${recorded.name}, draws at ${share}`);
      }
    }
  } finally {
    await worker.dispose();
  }
});

test('createGateway() made while a module loads answers Connect and gRPC-Web in workerd by the rules', async () => {
  const made = bundle('test/edge/gateway-worker.ts');
  console.log(`the gateway with two greeters is ${made.bytes} bytes, bundled and minified`);
  const worker = await startWorker(made);
  const json = { 'content-type': 'application/json' };
  const hello = { method: 'POST', body: '{"name":"laurence"}' };
  try {
    // At once, as the first requests of an isolate come.
    const [all, admin] = await Promise.all([
      worker.fetch('/api.Greeter/SayHello', { ...hello, headers: json }),
      worker.fetch('/api.Greeter/SayHello', { ...hello, headers: { ...json, user: 'admin' } }),
    ]);
    assert.deepEqual(await all.json(), { name: 'Hello laurence', id: 'v1.0.0' });
    assert.deepEqual(await admin.json(), { name: 'Hello laurence', id: 'v2.0.0' });

    const message = toBinary(HelloRequestSchema, create(HelloRequestSchema, { name: 'laurence' }));
    const web = await worker.fetch('/api.Greeter/SayHello', {
      method: 'POST',
      headers: { 'content-type': 'application/grpc-web+proto', user: 'admin' },
      body: Uint8Array.of(0, 0, 0, 0, message.length, ...message),
    });
    const text = await web.text();
    assert.match(text, /Hello laurence.*v2\.0\.0/s);
    assert.match(text, /grpc-status: 0/);

    const native = await worker.fetch('/api.Greeter/SayHello', {
      method: 'POST',
      headers: { 'content-type': 'application/grpc' },
    });
    assert.equal(native.headers.get('grpc-status'), '12');
    assert.match(decodeURIComponent(native.headers.get('grpc-message') ?? ''), /trailers/);

    const own = await worker.fetch('/own');
    assert.equal(await own.text(), 'mine');
  } finally {
    await worker.dispose();
  }
});
