/**
 * The tutorial as it was meant: two greeters and a client, each a process of its own, and a real istiod that the client
 * asks for its rules. No gateway, no sidecar.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { xdsSource } from '../../config/xds/source.ts';
import { follow } from '../config/follow.ts';
import { skipWithout } from '../peer/find.ts';
import { startIstiod } from '../peer/istiod.ts';
import { root, start } from '../program.ts';

const istio = join(root, 'deploy/istio');
const LISTENS = /listens on 127\.0\.0\.1:(\d+)/;

async function startGreeter(version: string) {
  const args = ['--host', '127.0.0.1', '--port', '0', '--version', version];
  const program = start('services/greeter/server.ts', args);
  const [, port] = await program.line(LISTENS);
  return { program, port: Number(port) };
}

test("the greeter's client routes itself by a real istiod's rules, through the scenarios of the tutorial", {
  skip: skipWithout('istiod-file'),
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-proxyless-'));
  const files = join(folder, 'rules');
  mkdirSync(files);
  // As kubectl would: istiod over files leaves a resource without a namespace in none.
  const copy = (from: string, to: string, change = (text: string) => text) => {
    const text = change(readFileSync(from, 'utf8'));
    writeFileSync(join(files, to), text.replace(/^metadata: ?(\{ name: (\S+) \})?$/m, inDefault));
  };
  const [v1, v2] = await Promise.all([startGreeter('v1'), startGreeter('v2')]);
  copy(join(root, 'examples/client/endpoints.yaml'), 'endpoints.yaml', (text) =>
    text.replace('grpc: 20001', `grpc: ${v1.port}`).replace('grpc: 20002', `grpc: ${v2.port}`),
  );
  copy(join(istio, 'destinationrule.yaml'), 'destinationrule.yaml');
  const place = (scenario: string) =>
    copy(join(istio, 'scenarios', `${scenario}.yaml`), 'virtualservice.yaml');
  place('all-v1');
  const istiod = await startIstiod(files, join(folder, 'istiod'));
  const ask = (...args: readonly string[]) =>
    start('services/greeter/client.ts', [
      ...['--registry-protocol', 'xds', '--registry-address', istiod.address],
      // On a busy machine the first call may take long: connections and code are new.
      ...['--service', 'dubbo-go-server', '--interval', '10ms', '--timeout', '60s', ...args],
    ]);
  const client = ask();
  const admin = ask('--header', 'user: admin');
  /** Ids in the order in which they were logged, from here on. */
  const answers = (program: typeof client) => {
    const from = program.stdout().length;
    return () =>
      [
        ...program
          .stdout()
          .slice(from)
          .matchAll(/ id:"(v\d)\.0\.0"/g),
      ].map(([, id]) => id);
  };
  const until = async (what: () => boolean) => {
    while (!what()) await new Promise((done) => setTimeout(done, 20));
  };
  let isAway = false;
  try {
    await until(() => [client, admin].every((each) => each.stdout().split('\n').length > 10));
    assert.deepEqual(new Set(idsIn(client.stdout() + admin.stdout())), new Set(['v1']));

    const before = answers(client);
    place('user-admin');
    const adminSeen = answers(admin);
    await until(() => adminSeen().slice(-5).join() === 'v2,v2,v2,v2,v2');
    assert.deepEqual(new Set(before()), new Set(['v1']));

    place('canary-90-10');
    const canary = answers(client);
    await until(() => canary().includes('v2'));
    const all = answers(client);
    await until(() => all().length >= 200);
    const share = all().filter((id) => id === 'v2').length / all().length;
    assert.ok(share > 0.01 && share < 0.21, `${share} of the calls went to v2, a tenth should`);

    // What was learnt last is gone on with.
    istiod.kill();
    isAway = true;
    const alone = answers(client);
    await until(() => alone().length >= 20);
    for (const each of [client, admin]) assert.doesNotMatch(each.stdout(), /\tERROR\t/);
    client.kill('SIGTERM');
    assert.equal(await client.exit, 0);
  } finally {
    if (!isAway) istiod.kill();
    for (const each of [client, admin, v1.program, v2.program]) if (!each.ended()) each.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

test('a source that asks a real istiod as a gRPC client learns of services that are new', {
  skip: skipWithout('istiod-file'),
  timeout: 120_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-proxyless-new-'));
  const files = join(folder, 'rules');
  mkdirSync(files);
  const place = (name: string) =>
    writeFileSync(
      join(files, `${name}.yaml`),
      `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: default }
spec:
  hosts: [${name}.example.com]
  ports: [{ number: 80, name: grpc, protocol: GRPC }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
`,
    );
  place('old');
  const istiod = await startIstiod(files, join(folder, 'istiod'));
  const following = follow(xdsSource(`xds://${istiod.address}?node=grpc`));
  const knows = (name: string) =>
    following
      .latest()
      .table?.clusters.some(
        (each) => each.name.includes(`${name}.example.com`) && each.endpoints.length > 0,
      ) === true;
  try {
    await following.started;
    await following.until(() => knows('old'));
    place('new');
    await following.until(() => knows('new'));
  } finally {
    following.stop();
    istiod.kill();
    rmSync(folder, { recursive: true });
  }
});

/** Ids in the order in which they were logged. */
function idsIn(log: string): readonly string[] {
  return [...log.matchAll(/ id:"(v\d)\.0\.0"/g)].map(([, id]) => id!);
}

const inDefault = (_: string, flow: string | undefined, name: string | undefined): string =>
  flow === undefined ? 'metadata:\n  namespace: default' : `metadata: { name: ${name}, namespace: default }`;
