/**
 * The server that the suite tests, as a program: reads what is asked of it from stdin, and writes where it listens.
 *
 *     server.ts in-process          the gateway, with the suite's service in this process
 *     server.ts remote PROGRAM      the gateway, before the suite's reference server (HTTP/1.1 or HTTP/2, as is asked)
 */
import { spawn } from 'node:child_process';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createGateway, type GatewayOptions } from '../../gateway/index.ts';
import { readFramed, writeFramed } from './framed.ts';
import { before } from './gateway.ts';
import { HTTPVersion } from './gen/connectrpc/conformance/v1/config_pb.ts';
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './gen/connectrpc/conformance/v1/server_compat_pb.ts';
import { conformanceRoutes } from './service.ts';

/** A gateway's options for the service behind it. */
async function behind(
  kind: string,
  program: string | undefined,
  asked: ServerCompatRequest,
): Promise<GatewayOptions> {
  const { messageReceiveLimit } = asked;
  const limit = messageReceiveLimit > 0 ? { maxBodyBytes: messageReceiveLimit } : {};
  if (kind === 'in-process')
    return {
      defaultHost: 'conformance',
      services: [{ host: 'conformance', port: 80, handler: conformanceRoutes }],
      ...limit,
    };
  const { port } = await startReference(program!, asked);
  return before(port, asked.httpVersion === HTTPVersion.HTTP_VERSION_2);
}

/** The reference server, in plaintext, ended with this process. */
async function startReference(
  program: string,
  asked: ServerCompatRequest,
): Promise<{ readonly port: number }> {
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  const plain = create(ServerCompatRequestSchema, {
    protocol: asked.protocol,
    httpVersion: asked.httpVersion,
    messageReceiveLimit: asked.messageReceiveLimit,
  });
  child.stdin.write(writeFramed(toBinary(ServerCompatRequestSchema, plain)));
  for await (const message of readFramed(child.stdout))
    return fromBinary(ServerCompatResponseSchema, message);
  throw new Error(`${program} has not said where it listens`);
}

async function listen(
  kind: string,
  program: string | undefined,
  asked: ServerCompatRequest,
): Promise<number> {
  const { serverCreds, clientTlsCert, useTls } = asked;
  const gateway = createGateway(await behind(kind, program, asked));
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const tls = useTls && {
    cert: text(serverCreds!.cert),
    key: text(serverCreds!.key),
    ...(clientTlsCert.length > 0 && { clientCa: text(clientTlsCert) }),
  };
  const { port } = await gateway.listen({ port: 0, ...(tls && { tls }) });
  return port;
}

const [kind = 'in-process', program] = process.argv.slice(2);
for await (const message of readFramed(process.stdin)) {
  const asked = fromBinary(ServerCompatRequestSchema, message);
  const port = await listen(kind, program, asked);
  const pemCert = asked.useTls ? asked.serverCreds!.cert : new Uint8Array(0);
  const answer = create(ServerCompatResponseSchema, { host: '127.0.0.1', port, pemCert });
  process.stdout.write(writeFramed(toBinary(ServerCompatResponseSchema, answer)));
  break;
}
process.once('SIGTERM', () => process.exit(0));
