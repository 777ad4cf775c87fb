/** Ports of this machine for programs that must be told theirs. */
import { type AddressInfo, createServer } from 'node:net';

/** A port of loopback that nothing listens on: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
