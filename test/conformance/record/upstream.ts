/** The upstreams of recorded cases: one port per endpoint, HTTP/1.1 and h2c on each, doing what each request asks for. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createH2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createNetServer, type Socket } from 'node:net';

/** What an upstream does on one try. */
export interface UpstreamStep {
  readonly status?: number;
  readonly headers?:
    | Readonly<Record<string, string | readonly string[]>>
    | readonly (readonly [string, string])[];
  readonly delayMs?: number;
  readonly reset?: boolean;
  readonly grpcStatus?: number;
  readonly trailersOnly?: boolean;
}

/** One request as an upstream saw it. */
export interface Seen {
  readonly cluster: string;
  readonly endpoint: string;
  readonly proto: 'h1' | 'h2';
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: Record<string, string[]>;
  readonly body: string;
}

/** All upstreams of a recording. */
export interface Upstreams {
  /** Opens a port for an endpoint of a cluster. */
  open(cluster: string, endpoint: string): Promise<number>;
  plan(request: string, steps: readonly UpstreamStep[]): void;
  seen(request: string): readonly Seen[];
  close(): void;
}

/** The header that says which request it is. */
export const ID_HEADER = 'x-oracle-id';

/** No upstream is open yet. */
export function createUpstreams(): Upstreams {
  const plans = new Map<string, readonly UpstreamStep[]>();
  const log = new Map<string, Seen[]>();
  const servers: { close(): void }[] = [];
  const sockets = new Set<Socket>();

  function note(id: string, seen: Seen): UpstreamStep {
    const list = log.get(id) ?? [];
    const tries = list.filter((each) => each.cluster === seen.cluster).length;
    list.push(seen);
    log.set(id, list);
    const steps = plans.get(id) ?? [];
    return steps[Math.min(tries, steps.length - 1)] ?? {};
  }

  return {
    plan: (request, steps) => plans.set(request, steps),
    seen: (request) => log.get(request) ?? [],
    async open(cluster, endpoint) {
      const h1 = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
          const { id, headers } = strip(pairs(request));
          const authority = headers['host']?.[0] ?? '';
          delete headers['host'];
          const body = Buffer.concat(chunks).toString('latin1');
          const seen: Seen = {
            ...{ cluster, endpoint, proto: 'h1', method: request.method ?? '', path: request.url ?? '' },
            ...{ authority, headers, body },
          };
          answerH1(response, note(id, seen), endpoint);
        });
      });
      const h2 = createH2Server();
      h2.on('session', (session) => session.on('error', () => {}));
      h2.on('stream', (stream, _headers, _flags, raw: string[]) => {
        stream.on('error', () => {});
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const { id, headers } = strip(chunked(raw));
          const pseudo = (name: string) => headers[name]?.[0] ?? '';
          const [method, path, authority] = [pseudo(':method'), pseudo(':path'), pseudo(':authority')];
          for (const name of Object.keys(headers)) if (name.startsWith(':')) delete headers[name];
          const body = Buffer.concat(chunks).toString('latin1');
          const step = note(id, { cluster, endpoint, proto: 'h2', method, path, authority, headers, body });
          answerH2(
            stream,
            step,
            endpoint,
            (headers['content-type']?.[0] ?? '').startsWith('application/grpc'),
          );
        });
      });
      const server = createNetServer((socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => {});
        socket.once('readable', () => {
          const head: Buffer | null = socket.read();
          if (!head) return;
          socket.unshift(head);
          (head.toString('latin1', 0, 3) === 'PRI' ? h2 : h1).emit('connection', socket);
        });
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      return (server.address() as { port: number }).port;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

function pairs({ rawHeaders }: IncomingMessage): [string, string][] {
  return chunked(rawHeaders);
}

function chunked(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) list.push([raw[at]!.toLowerCase(), raw[at + 1]!]);
  return list;
}

/** Adds one more value of a header. */
export function append(headers: Record<string, string[]>, name: string, value: string): void {
  headers[name] ??= [];
  headers[name].push(value);
}

function strip(list: readonly (readonly [string, string])[]): {
  id: string;
  headers: Record<string, string[]>;
} {
  let id = '';
  const headers: Record<string, string[]> = Object.create(null);
  for (const [name, value] of list) {
    if (name === ID_HEADER) id = value;
    else append(headers, name, value);
  }
  return { id, headers };
}

function extra({ headers }: UpstreamStep): [string, string][] {
  if (!headers) return [];
  if (Array.isArray(headers)) return headers as [string, string][];
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, each]),
  );
}

function answerH1(response: ServerResponse, step: UpstreamStep, endpoint: string): void {
  const act = () => {
    if (step.reset) {
      response.socket?.destroy();
      return;
    }
    const body = `upstream ${endpoint}`;
    const list = withUsual(step, [
      ['x-upstream', endpoint],
      ['server', 'oracle-upstream'],
      ['content-type', 'text/plain'],
      ['content-length', String(body.length)],
    ]);
    response.sendDate = false;
    for (const [name, values] of list) response.setHeader(name, values.length === 1 ? values[0]! : values);
    response.writeHead(step.status ?? 200);
    response.end(body);
  };
  if (step.delayMs) setTimeout(act, step.delayMs);
  else act();
}

/** The step's headers with the usual ones that it does not name. */
function withUsual(step: UpstreamStep, usual: readonly (readonly [string, string])[]): Map<string, string[]> {
  const own = extra(step).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const named = new Set(own.map(([name]) => name));
  const all: Record<string, string[]> = {};
  for (const [name, value] of [...usual.filter(([name]) => !named.has(name)), ...own])
    append(all, name, value);
  return new Map(Object.entries(all));
}

function answerH2(stream: ServerHttp2Stream, step: UpstreamStep, endpoint: string, isGrpc: boolean): void {
  const act = () => {
    if (stream.destroyed) return;
    if (step.reset) return stream.close(2);
    const headers: Record<string, string | string[] | number> = { ':status': step.status ?? 200 };
    const usual: [string, string][] = [
      ['x-upstream', endpoint],
      ['server', 'oracle-upstream'],
      ['content-type', isGrpc ? 'application/grpc' : 'text/plain'],
    ];
    for (const [name, values] of withUsual(step, usual))
      headers[name] = values.length === 1 ? values[0]! : values;
    if (!isGrpc) {
      stream.respond(headers as IncomingHttpHeaders);
      stream.end(`upstream ${endpoint}`);
      return;
    }
    const status = String(step.grpcStatus ?? 0);
    if (step.trailersOnly) {
      stream.respond({ ...headers, 'grpc-status': status } as IncomingHttpHeaders, { endStream: true });
      return;
    }
    stream.respond(headers as IncomingHttpHeaders, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
    stream.end(Buffer.alloc(5));
  };
  if (step.delayMs) setTimeout(act, step.delayMs);
  else act();
}
