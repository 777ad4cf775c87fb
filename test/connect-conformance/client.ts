/**
 * The client that the suite tests, as a program: its own client, with a gateway between it and the suite's server.
 *
 *     client.ts PROGRAM    the reference client
 */
import { spawn } from 'node:child_process';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { readFramed, writeFramed } from './framed.ts';
import { listenBefore } from './gateway.ts';
import { ClientCompatRequestSchema } from './gen/connectrpc/conformance/v1/client_compat_pb.ts';
import { HTTPVersion } from './gen/connectrpc/conformance/v1/config_pb.ts';

const child = spawn(process.argv[2]!, [], { stdio: ['pipe', 'inherit', 'inherit'] });
child.on('close', (code) => process.exit(code ?? 1));
process.once('SIGTERM', () => child.kill());

const ports = new Map<string, Promise<number>>();
for await (const message of readFramed(process.stdin)) {
  const request = fromBinary(ClientCompatRequestSchema, message);
  const isHttp2 = request.httpVersion === HTTPVersion.HTTP_VERSION_2;
  const { serverTlsCert: ca, clientTlsCreds: own } = request;
  const key = `${request.port} ${isHttp2}`;
  let port = ports.get(key);
  if (!port) {
    port = listenBefore(
      request.port,
      isHttp2,
      ca.length > 0 ? { ca, cert: own?.cert, key: own?.key } : undefined,
    );
    ports.set(key, port);
  }
  request.port = await port;
  // The suite's client speaks plaintext to the gateway.
  request.serverTlsCert = new Uint8Array(0);
  request.clientTlsCreds = undefined;
  child.stdin.write(writeFramed(toBinary(ClientCompatRequestSchema, request)));
}
child.stdin.end();
