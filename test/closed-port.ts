/** Ports of this machine: for programs that must be told theirs, and for those that shall find nobody. */
import { type AddressInfo, connect, createServer } from 'node:net';

/** Below those that systems give to clients: no connection of another test takes it meanwhile. */
const FIRST = 20_000;
const COUNT = 12_000;

/** A port of loopback that nothing listens on: it was free a moment ago. */
export function closedPort(): Promise<number> {
  return closedPorts(1);
}

/** The first of so many that follow one another, none of which is listened on. */
export async function closedPorts(count: number): Promise<number> {
  for (;;) {
    const first = FIRST + count * Math.floor((Math.random() * COUNT) / count);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

/**
 * A port of loopback that refuses connections as long as this process lives. It is a client's own, bound to it, so that
 * the system gives it to no other program that listens, and to no connection that would be one with itself.
 */
export async function refusingPort(): Promise<number> {
  const server = createServer((socket) => void socket.unref().on('error', () => {}));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1' });
  await new Promise<void>((done, fail) => client.once('connect', done).once('error', fail));
  client.unref().on('error', () => {});
  server.close();
  return client.localPort!;
}
