/**
 * The gateway that the benchmarks of this folder measure, in a process of its own: before the endpoint at the port that
 * is given, with the rules of the file that is given, which it watches. Says its port, and the port where it tells the
 * CPU time that it has taken, in microseconds, and how much of that it took at most before calls had their turn again:
 *
 *     bun bench/traffic/gateway.ts ENDPOINT_PORT RULES_FILE
 */
import { createServer } from 'node:http';
import { holdYoungGeneration } from '../../cli/young-generation.ts';
import { fileSource } from '../../config/file.ts';
import { createGateway } from '../../gateway/index.ts';

const [endpointPort = '', rules = ''] = process.argv.slice(2);
// As `serve` does.
holdYoungGeneration()();
const gateway = createGateway({
  config: fileSource(rules),
  remoteServices: ['plain', 'default', 'timeout', 'retries', 'policies'].map((host) => ({
    host: `${host}.default.svc.cluster.local`,
    namespace: 'default',
    ports: [{ name: 'main', number: 80, protocol: 'HTTP' }],
    endpoints: [
      {
        id: 'one',
        labels: {},
        target: { kind: 'socket', address: '127.0.0.1', ports: { main: Number(endpointPort) } },
      },
    ],
  })),
});
const { port } = await gateway.listen({ port: 0, servicePort: 80 });
let generation = 0;
gateway.config.subscribe(() => {
  generation++;
});
const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
let longestTurnUs = 0;
let turnFromUs = cpuUs();
setInterval(() => {
  const now = cpuUs();
  longestTurnUs = Math.max(longestTurnUs, now - turnFromUs);
  turnFromUs = now;
}, 1);
const facts = createServer((_request, response) => {
  response.end(JSON.stringify({ cpuUs: cpuUs(), generation, longestTurnUs }));
  longestTurnUs = 0;
});
facts.listen(0, '127.0.0.1', () => console.log(`${port} ${(facts.address() as { port: number }).port}`));
