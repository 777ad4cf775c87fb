/**
 * A name server at 127.0.0.1:53, endpoints at two other addresses, and a gateway whose rules know them by name alone;
 * says each step once it has come about, and ends with 1 where a call fails. Needs a network of its own:
 *
 *     bun test/e2e/dns-world.ts RULES_FILE
 */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { ask } from '../gateway/world.ts';
import { start } from '../program.ts';

const PORT = 8081;
const LIMIT_MS = 90_000;
const SERVFAIL = 2;
const A = 1;

/** What the name server says to the name now; undefined: that it failed. */
let addresses: readonly string[] | undefined = ['127.0.0.2'];
let asked = 0;

/** Source: RFC 1035, 4.1. A name server of one name, whose addresses hold for a second. */
const server = createSocket('udp4', (query, { port, address }) => {
  const end = query.indexOf(0, 12) + 5;
  const isAddress = query.readUInt16BE(end - 4) === A;
  if (isAddress) asked++;
  const found = isAddress ? (addresses ?? []) : [];
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8580 | (addresses ? 0 : SERVFAIL), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(found.length, 6);
  const answers = found.map((each) =>
    Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, ...each.split('.').map(Number)]),
  );
  server.send(Buffer.concat([head, query.subarray(12, end), ...answers]), port, address);
});
await new Promise<void>((done) => server.bind(53, '127.0.0.1', done));
for (const host of ['127.0.0.2', '127.0.0.3']) {
  const endpoint = createServer((_request, response) => response.end(host));
  await new Promise<void>((done) => endpoint.listen(PORT, host, () => done()));
}

const gateway = start('cli/main.ts', ['serve', '--config', process.argv[2]!, '--port', '8080=80']);
gateway.exit.then((code) => assert.equal(code, 0, gateway.stderr()));
const call = () => ask(8080, { headers: ['host', 'db.example'] });
while (
  !(await call().then(
    () => true,
    () => false,
  ))
)
  await new Promise((done) => setTimeout(done, 100));

/** Calls until the last answers are from just these addresses. */
async function answeredBy(...want: string[]): Promise<void> {
  const limitMs = performance.now() + LIMIT_MS;
  for (
    let last: string[] = [];
    last.length < 10 || new Set(last).size !== want.length || !last.every((each) => want.includes(each));
  ) {
    assert.ok(performance.now() < limitMs, `answered by ${last}, not by ${want}`);
    const { status, body } = await call();
    assert.equal(status, 200, body);
    last = [...last.slice(-9), body];
    await new Promise((done) => setTimeout(done, 20));
  }
  console.log(`answered by ${want.join(' and ')}`);
}

await answeredBy('127.0.0.2');
addresses = ['127.0.0.3'];
await answeredBy('127.0.0.3');
addresses = ['127.0.0.2', '127.0.0.3'];
await answeredBy('127.0.0.2', '127.0.0.3');
addresses = undefined;
const before = asked;
while (asked === before) assert.equal((await call()).status, 200);
console.log('answers no more');
await answeredBy('127.0.0.2', '127.0.0.3');
gateway.kill('SIGTERM');
await gateway.exit;
process.exit(0);
