/** A control plane of a few lines, for tests of how its client bears what a real one does rarely. */
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { AggregatedDiscoveryService } from '../../../gen/envoy/service/discovery/v3/ads_pb.ts';
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequest,
  DiscoveryResponseSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts';
import { DeltaDiscoveryResponseSchema as DeltaResponse } from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts';
import { TYPE_URL } from './resources.ts';

/** What a client was told to be wrong, or sent along. */
export interface Heard {
  readonly authorization: string | null;
  readonly nodeId: string | undefined;
  readonly refusal: string | undefined;
}

/** See the fields. */
export interface ControlPlaneOptions {
  /** 0: any free one. */
  readonly port?: number;
  readonly knowsDelta?: boolean;
  /** Takes connections and streams, and never says anything. */
  readonly isSilent?: boolean;
  /** The only token that is taken: `Bearer first`. Absent: any, and none. */
  readonly authorization?: string;
  /** PEM. Absent: plaintext. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Serves what {@link set} gave it, to every client, and again whenever that changes. */
export class ControlPlane {
  readonly heard: Heard[] = [];
  readonly #options: ControlPlaneOptions;
  readonly #resources = new Map<string, readonly Any[]>();
  readonly #pushes = new Set<(typeUrl: string) => void>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #server: Http2Server | Http2SecureServer | undefined;
  #version = 0;

  constructor(options: ControlPlaneOptions = {}) {
    this.#options = options;
  }

  async listen(): Promise<number> {
    const { tls } = this.#options;
    const handler = connectNodeAdapter({ routes: (router) => this.#routes(router) });
    const server = tls ? createSecureServer({ ...tls }, handler) : createServer(handler);
    this.#server = server;
    server.on('session', (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
    });
    await new Promise<void>((done) => server.listen(this.#options.port ?? 0, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  }

  /** As a process that is killed. */
  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((done) => void this.#server?.close(() => done()));
  }

  /** What has changed of a kind; what else there is of it is not sent. */
  push(typeUrl: string, ...resources: Any[]): void {
    const all = this.#resources.get(typeUrl) ?? [];
    this.set(typeUrl, ...resources);
    // Pushes are read one after the other: what a later client is sent comes from here.
    setImmediate(() => this.#resources.set(typeUrl, all));
  }

  /** What there is of a kind, from now on. */
  set(typeUrl: string, ...resources: Any[]): void {
    this.#resources.set(typeUrl, resources);
    this.#version++;
    for (const push of this.#pushes) push(typeUrl);
  }

  #routes(router: ConnectRouter): void {
    const { isSilent = false, knowsDelta = true, authorization: wanted } = this.#options;
    const self = this;
    const check = (given: string | null) => {
      if (wanted !== undefined && given !== wanted)
        throw new ConnectError('authentication failure', Code.Unauthenticated);
    };
    router.service(AggregatedDiscoveryService, {
      async *streamAggregatedResources(requests, context) {
        const authorization = context.requestHeader.get('authorization');
        check(authorization);
        for await (const typeUrl of self.#asked<DiscoveryRequest>(
          requests,
          authorization,
          ({ responseNonce }) => responseNonce === '',
        ))
          if (!isSilent) yield self.#whole(typeUrl);
      },
      async *deltaAggregatedResources(requests, context) {
        if (!knowsDelta) throw new ConnectError('no delta here', Code.Unimplemented);
        const authorization = context.requestHeader.get('authorization');
        check(authorization);
        for await (const typeUrl of self.#asked<DeltaDiscoveryRequest>(
          requests,
          authorization,
          ({ responseNonce }) => responseNonce === '',
        ))
          if (!isSilent) yield self.#delta(typeUrl);
      },
    });
  }

  /** Kinds to send: those that a client asks for, and those it has asked for that change. */
  async *#asked<Request extends DiscoveryRequest | DeltaDiscoveryRequest>(
    requests: AsyncIterable<Request>,
    authorization: string | null,
    asks: (request: Request) => boolean,
  ): AsyncIterable<string> {
    const due: string[] = [];
    const subscribed = new Set<string>();
    let hasEnded = false;
    let wake = () => {};
    const push = (typeUrl: string) => {
      if (subscribed.has(typeUrl) && !due.includes(typeUrl)) due.push(typeUrl);
      wake();
    };
    this.#pushes.add(push);
    const reading = (async () => {
      try {
        for await (const request of requests) {
          const { typeUrl, node, errorDetail } = request;
          this.heard.push({ authorization, nodeId: node?.id, refusal: errorDetail?.message });
          const isNew = !subscribed.has(typeUrl);
          subscribed.add(typeUrl);
          if (isNew || asks(request)) due.push(typeUrl);
          wake();
        }
      } catch {
        // The client is gone.
      }
      hasEnded = true;
      wake();
    })();
    try {
      while (!hasEnded) {
        const next = due.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((done) => (wake = done));
      }
    } finally {
      this.#pushes.delete(push);
      await reading;
    }
  }

  #whole(typeUrl: string): MessageInitShape<typeof DiscoveryResponseSchema> {
    const version = String(this.#version);
    return {
      typeUrl,
      versionInfo: version,
      nonce: version,
      resources: [...(this.#resources.get(typeUrl) ?? [])],
    };
  }

  #delta(typeUrl: string): MessageInitShape<typeof DeltaDiscoveryResponseSchema> {
    const version = String(this.#version);
    return create(DeltaResponse, {
      typeUrl,
      nonce: version,
      resources: (this.#resources.get(typeUrl) ?? []).map((resource) => ({ version, resource })),
    });
  }
}

/** Kinds by {@link TYPE_URL}'s names. */
export function setAll(
  plane: ControlPlane,
  all: Partial<Record<keyof typeof TYPE_URL, readonly Any[]>>,
): void {
  for (const kind of ['cluster', 'endpoints', 'listener', 'routes'] as const)
    if (all[kind]) plane.set(TYPE_URL[kind], ...all[kind]);
}
