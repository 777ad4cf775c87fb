/** An API server of a few lines, for tests of how its client bears what a real one does rarely. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** An object as it is stored; the server adds its version. */
export interface StoredObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** In place of what was asked for. */
export interface Fault {
  readonly status: number;
  readonly message?: string;
  readonly retryAfter?: number;
}

/** Kinds that are Kubernetes' own. */
const CORE: ReadonlySet<string> = new Set(['services', 'endpointslices', 'pods']);

interface Watcher {
  readonly resource: string;
  readonly response: ServerResponse;
}

/** Lists and watches, as a cluster with these objects would. */
export class ApiServer {
  /** `GET PATH` without queries, and the word `watch`, or `continue` for a list's later pages. */
  readonly asked: string[] = [];
  /** Objects of a list that one answer has at most, as well as those that were asked for. */
  pageSize = Number.POSITIVE_INFINITY;
  /** Bodies of PATCH, with the path; each is merged into its object. */
  readonly patched: { readonly path: string; readonly body: StoredObject }[] = [];
  /** Kinds that there are. */
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #watchers = new Set<Watcher>();
  readonly #sockets = new Set<Socket>();
  readonly #faults: { readonly about: RegExp; readonly fault: Fault; left: number }[] = [];
  /** What has happened, for watches that begin before it. */
  readonly #events: { readonly version: number; readonly resource: string; readonly line: string }[] = [];
  #server: Server | undefined;
  #version = 100;
  #oldest = 0;

  constructor(resources: readonly string[]) {
    for (const resource of resources) this.#objects.set(resource, new Map());
  }

  async listen(port = 0): Promise<number> {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  }

  /** As a process that is killed. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server?.close(() => done()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  put(resource: string, object: StoredObject): void {
    const objects = this.#objects.get(resource)!;
    const isNew = !objects.has(keyOf(object));
    const stored = this.#versioned(object);
    objects.set(keyOf(object), stored);
    this.#tell(resource, isNew ? 'ADDED' : 'MODIFIED', stored);
  }

  delete(resource: string, object: StoredObject): void {
    if (this.#objects.get(resource)!.delete(keyOf(object)))
      this.#tell(resource, 'DELETED', this.#versioned(object));
  }

  /** As when its definition is deleted, with all its objects. */
  deleteKind(resource: string): void {
    this.#objects.delete(resource);
  }

  /** Answers the next requests whose `GET PATH` fits so. */
  fail(about: RegExp, fault: Fault, times = 1): void {
    this.#faults.push({ about, fault, left: times });
  }

  /** Every watch ends, as each does now and then. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  /** What was, is forgotten: watches from before are told 410, in an answer or in the watch itself. */
  forget(): void {
    this.#oldest = ++this.#version;
  }

  /** An event that tells of the version alone. */
  bookmark(resource: string): void {
    this.#tell(resource, 'BOOKMARK', { metadata: { name: '', resourceVersion: String(++this.#version) } });
  }

  #versioned(object: StoredObject): StoredObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
  }

  #tell(resource: string, type: string, object: StoredObject): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#events.push({ version: this.#version, resource, line });
    for (const watcher of this.#watchers) if (watcher.resource === resource) watcher.response.write(line);
  }

  /** Merges a status as a server does: for the version that the patch is about, and as a change of no other field. */
  async #patch(request: IncomingMessage, path: string, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += piece;
    const body = JSON.parse(text) as StoredObject;
    const [namespace, resource = '', name] = path.split('/').slice(-4);
    const before = this.#objects.get(resource)?.get(`${namespace}/${name}`);
    if (!before) return refuse(response, { status: 404 });
    if (body.metadata['resourceVersion'] !== before.metadata['resourceVersion'])
      return refuse(response, { status: 409, message: 'the object has been modified' });
    this.patched.push({ path, body });
    this.put(resource, { ...before, status: body['status'] });
    response.end('{}');
  }

  /** What there is of Istio, as a server tells its clients. */
  #discover(path: string): object | undefined {
    const kinds = [...this.#objects.keys()].filter((each) => !CORE.has(each));
    const groupVersion = 'networking.istio.io/v1';
    if (path === '/apis') {
      const groups =
        kinds.length === 0 ? [] : [{ name: 'networking.istio.io', versions: [{ groupVersion }] }];
      return { kind: 'APIGroupList', groups };
    }
    if (path !== `/apis/${groupVersion}` || kinds.length === 0) return undefined;
    return { kind: 'APIResourceList', groupVersion, resources: kinds.map((name) => ({ name })) };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://api');
    const isWatch = url.searchParams.has('watch');
    const from = Number(url.searchParams.get('continue') ?? 0);
    const about = `${request.method} ${url.pathname}${isWatch ? ' watch' : from > 0 ? ' continue' : ''}`;
    this.asked.push(about);
    const due = this.#faults.find((each) => each.left > 0 && each.about.test(about));
    if (due) {
      due.left--;
      return refuse(response, due.fault);
    }
    if (request.method === 'PATCH') return void this.#patch(request, url.pathname, response);
    const discovered = this.#discover(url.pathname);
    if (discovered) return void response.end(JSON.stringify(discovered));
    const [, namespace, kind, name] = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    if (name !== undefined) {
      const object = this.#objects.get(kind!)?.get(`${namespace}/${name}`);
      if (!object) return refuse(response, { status: 404, message: `${kind} "${name}" not found` });
      return void response.end(JSON.stringify(object));
    }
    const resource = url.pathname.split('/').at(-1)!;
    const objects = this.#objects.get(resource);
    if (!objects || !/\/v1\b/.test(url.pathname))
      return refuse(response, { status: 404, message: 'page not found' });
    response.setHeader('content-type', 'application/json');
    if (!isWatch) {
      const limit = Number(url.searchParams.get('limit') ?? 0) || Number.POSITIVE_INFINITY;
      const to = from + Math.min(this.pageSize, limit);
      const metadata = {
        resourceVersion: String(this.#version),
        ...(to < objects.size && { continue: String(to) }),
      };
      response.end(JSON.stringify({ metadata, items: [...objects.values()].slice(from, to) }));
      return;
    }
    const since = Number(url.searchParams.get('resourceVersion'));
    if (since < this.#oldest) {
      const object = { kind: 'Status', code: 410, message: 'too old resource version' };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    response.flushHeaders();
    for (const event of this.#events)
      if (event.resource === resource && event.version > since) response.write(event.line);
    const watcher = { resource, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }
}

function refuse(response: ServerResponse, { status, message = 'no', retryAfter }: Fault): void {
  response.statusCode = status;
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ kind: 'Status', code: status, message }));
}

function keyOf({ metadata: { namespace = '', name } }: StoredObject): string {
  return `${namespace}/${name}`;
}
