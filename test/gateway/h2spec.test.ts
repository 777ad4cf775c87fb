/** h2spec, the conformance suite of HTTP/2, asks a gateway with a service in process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createGateway, type Gateway } from '../../gateway/index.ts';
import { findPeer, skipWithout } from '../peer/find.ts';

const skip = skipWithout('h2spec');
const pem = (name: string) => readFileSync(new URL(`../fixture/tls/${name}.pem`, import.meta.url), 'utf8');

let gateway: Gateway;
before(async () => {
  const page = { fetch: async () => new Response('an answer longer than five bytes') };
  gateway = createGateway({ defaultHost: 'page', services: [{ host: 'page', port: 80, handler: page }] });
  await gateway.ready();
});
after(() => gateway.stop(0));

/** What h2spec says, run with these arguments. Each of its tests may wait two seconds for what should happen. */
async function h2spec(...args: readonly string[]): Promise<string> {
  const child = spawn(findPeer('h2spec')!, ['-o', '2', '-h', '127.0.0.1', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  await new Promise((done) => child.on('close', done));
  return output;
}

const runs: readonly { readonly name: string; readonly tls: boolean; readonly args: readonly string[] }[] = [
  { name: 'h2c', tls: false, args: [] },
  { name: 'h2c, strictly', tls: false, args: ['--strict'] },
  { name: 'TLS', tls: true, args: ['--tls', '--insecure'] },
];

for (const { name, tls, args } of runs) {
  test(`listen() passes h2spec over ${name}`, { skip }, async () => {
    const listening = await gateway.listen({
      port: 0,
      ...(tls && { tls: { cert: pem('cert'), key: pem('key') } }),
    });
    const output = await h2spec('-p', `${listening.port}`, ...args);
    // What failed is repeated at the end, with what was expected.
    const [, total = 0, passed = 0, skipped = 0] =
      /(\d+) tests, (\d+) passed, (\d+) skipped/.exec(output)?.map(Number) ?? [];
    assert.ok(
      total >= 145 && passed + skipped === total && skipped <= 1,
      output.slice(output.indexOf('Failures:')),
    );
  });
}
