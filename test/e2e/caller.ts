/**
 * Calls the greeter the three ways its users do, with stock clients that know nothing of the gateway, and
 * keeps a steady rate for tests that change rules under traffic.
 */
import { Agent, request } from 'node:http';
import { type Client, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { Greeter } from '../../gen/api/greeter_pb.ts';
import { runtime } from '../program.ts';

/** How a call travels: Connect with protobuf over h2c, gRPC over h2c, or Connect JSON over HTTP/1.1 keep-alive. */
export type Way = 'connect' | 'grpc' | 'http1';

/** node:http2 of Deno now and then ends the process as its client, so there grpcurl alone asks for gRPC. */
export const ways: readonly Way[] = runtime === 'deno' ? ['http1'] : ['connect', 'grpc', 'http1'];

/** Resolves with the id that answered, `v1.0.0` or `v2.0.0`; rejects on anything but a good answer. */
export type Call = (headers?: Record<string, string>) => Promise<string>;

/** One client for each way, all towards `port` of this machine. */
export function callers(port: number): {
  readonly call: Record<Way, Call>;
  /** For streams, over gRPC. */
  readonly stream: Client<typeof Greeter>;
  close(): void;
} {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessions = [new Http2SessionManager(baseUrl), new Http2SessionManager(baseUrl)] as const;
  const connect = createClient(
    Greeter,
    createConnectTransport({ baseUrl, httpVersion: '2', sessionManager: sessions[0] }),
  );
  const grpc = createClient(Greeter, createGrpcTransport({ baseUrl, sessionManager: sessions[1] }));
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const body = JSON.stringify({ name: 'laurence' });
  return {
    call: {
      connect: async (headers = {}) => (await connect.sayHello({ name: 'laurence' }, { headers })).id,
      grpc: async (headers = {}) => (await grpc.sayHello({ name: 'laurence' }, { headers })).id,
      http1: (headers = {}) =>
        new Promise((done, fail) => {
          const call = request(
            `${baseUrl}/api.Greeter/SayHello`,
            { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } },
            (response) => {
              let text = '';
              response.setEncoding('utf8').on('data', (chunk) => {
                text += chunk;
              });
              response.on('error', fail).on('end', () => {
                if (response.statusCode !== 200) fail(new Error(`HTTP ${response.statusCode}: ${text}`));
                else done(JSON.parse(text).id);
              });
            },
          );
          call.on('error', fail).end(body);
        }),
    },
    stream: grpc,
    close() {
      agent.destroy();
      for (const session of sessions) session.abort();
    },
  };
}

/** Makes `total` calls, `parallel` at a time, and counts the ids that answered. */
export async function count(call: () => Promise<string>, total: number, parallel = 16) {
  const counts: Record<string, number> = { 'v1.0.0': 0, 'v2.0.0': 0 };
  let left = total;
  const worker = async () => {
    while (left-- > 0) {
      const id = await call();
      counts[id] = (counts[id] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return { v1: counts['v1.0.0']!, v2: counts['v2.0.0']! };
}

/** One call of a {@link Traffic}. */
export interface Answer {
  readonly way: Way;
  readonly admin: boolean;
  /** When it began, by `performance.now()`. */
  readonly startedMs: number;
  readonly id?: string;
  readonly error?: string;
}

/** Calls that go on. */
export interface Traffic {
  /** Resolves when so many of those that began since have ended. */
  ended(calls: number): Promise<void>;
  /** Resolves when all that are under way now have ended. */
  idle(): Promise<void>;
  stop(): Promise<readonly Answer[]>;
}

/**
 * Calls at a steady rate, each way in turn, every other one as `user: admin`, until stopped. With `maxRunning` calls under
 * way the next one waits, as a busy machine makes more of them than a connection may have streams.
 */
export function traffic(port: number, perSecond: number, maxRunning = Number.POSITIVE_INFINITY): Traffic {
  const clients = callers(port);
  const answers: Answer[] = [];
  const running = new Set<Promise<void>>();
  const begin = performance.now();
  let sent = 0;
  const send = () => {
    const way = ways[sent % ways.length]!;
    const admin = sent % 2 === 0;
    // The letter case of a header's name must not matter: HTTP/1.1 shows it to the gateway as written.
    const headers: Record<string, string> = admin ? { [sent % 4 === 0 ? 'User' : 'user']: 'admin' } : {};
    const startedMs = performance.now();
    const done = clients.call[way](headers).then(
      (id) => void answers.push({ way, admin, startedMs, id }),
      (error) => void answers.push({ way, admin, startedMs, error: String(error) }),
    );
    running.add(done);
    done.then(() => running.delete(done));
    sent++;
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - begin) / 1000) * perSecond;
    while (sent < due && running.size < maxRunning) send();
  }, 4);
  return {
    async ended(calls) {
      const sinceMs = performance.now();
      const from = answers.length;
      const count = () => answers.slice(from).filter(({ startedMs }) => startedMs >= sinceMs).length;
      while (count() < calls) await new Promise((done) => setTimeout(done, 50));
    },
    async idle() {
      await Promise.all(running);
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(running);
      clients.close();
      return answers;
    },
  };
}
