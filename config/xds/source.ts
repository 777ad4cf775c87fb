/**
 * Rules from an Istio control plane over xDS: `xds://HOST:PORT`. What it has sent last stays in effect while it is
 * away, and it is asked again until it answers.
 */
import type { RouteTable } from '../../router/table/route-table.ts';
import type { TlsSecret } from '../../router/table/workload-certificate.ts';
import { createXdsTables } from '../../router/xds/index.ts';
import type { SourceIdentity } from '../named.ts';
import { type CertificateState, RotatingCertificate } from '../rotating-certificate.ts';
import type { ConfigSource, SourceSnapshot, SourceState } from '../source.ts';
import { wait } from '../wait.ts';
import { parseXdsAddress, type XdsAddress } from './address.ts';
import { EffectiveResources, HOLD_MS } from './effective.ts';
import { namespaceOf, nodeOf } from './node.ts';
import { AdsState } from './state.ts';
import type { PingLimits, XdsStream } from './stream.ts';

/** See the fields. */
export interface XdsSourceOptions {
  /** On whose behalf rules are asked for. Default: a sidecar, and what the environment of a pod says. */
  readonly identity?: SourceIdentity;
  /** Returns a number in [0, 1): waits are not the same for all who lost a control plane. Default: the runtime's chance. */
  readonly chance?: () => number;
  /** When a silent connection is asked whether it is there. Default: after 15 s, and it has 5 s to answer. */
  readonly ping?: PingLimits;
}

/** Changes that come closer together than this are one. */
const GATHER_MS = 20;
/**
 * The first rules of all wait so long for the endpoints of each of their clusters. Source: Envoy
 * `api/envoy/config/core/v3/config_source.proto` (initial_fetch_timeout).
 */
const FIRST_HOLD_MS = 15_000;
/** A control plane that has not said anything for so long is given up and asked anew. */
const ANSWER_LIMIT_MS = 10_000;
/** Waits between connections grow from the first to the last. Source: Envoy `api/envoy/config/core/v3/grpc_service.proto` (RetryPolicy). */
const FIRST_WAIT_MS = 500;
const LAST_WAIT_MS = 30_000;
const PING: PingLimits = { pingIntervalMs: 15_000, pingTimeoutMs: 5000 };
/** What changes is written to the cache so much later. */
const CACHE_DELAY_MS = 200;

/**
 * A source for `xds://HOST:PORT?…`; see `parseXdsAddress` for the rest. Over TLS with a token it has workload certificates:
 * its peer is the authority that issues them. Throws a TypeError for an address that is none.
 */
export function xdsSource(url: string, options: XdsSourceOptions = {}): ConfigSource {
  const address = parseXdsAddress(url);
  let client: XdsClient | undefined;
  const certificate =
    address.tls && address.tokenFile !== undefined
      ? new RotatingCertificate(
          async () => (await import('./certificate-authority.ts')).requestCertificate(address),
          { onState: (state) => client?.certificateChanged(state) },
        )
      : undefined;
  return {
    name: url,
    ...(certificate && { workloadCertificates: () => certificate.current() }),
    secrets: async (name) => {
      const secret = client?.secret(name);
      if (secret) return secret;
      throw new Error(
        `${url} has not sent the secret "${name}": it is for gateways over TLS with a token whose service account may list secrets, and has to be there`,
      );
    },
    start(onSnapshot, signal, onState) {
      if (certificate) signal.addEventListener('abort', () => certificate.close(), { once: true });
      client = new XdsClient(url, address, options, onSnapshot, onState ?? (() => {}), signal);
      return client.start();
    },
  };
}

class XdsClient {
  readonly #name: string;
  readonly #address: XdsAddress;
  readonly #options: XdsSourceOptions;
  readonly #onSnapshot: (snapshot: SourceSnapshot) => void;
  readonly #onState: (state: SourceState) => void;
  readonly #signal: AbortSignal;
  readonly #ads: AdsState;
  readonly #effective: EffectiveResources;
  readonly #toTable: ReturnType<typeof createXdsTables>;
  readonly #first = Promise.withResolvers<void>();
  #state: SourceState = { state: 'connecting', since: new Date().toISOString() };
  #form: 'delta' | 'sotw';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #cacheTimer: ReturnType<typeof setTimeout> | undefined;
  /** Why what was sent last is not in the cache. */
  #cacheReason: string | undefined;
  #changedMs: number | undefined;
  #hasPublished = false;

  constructor(
    name: string,
    address: XdsAddress,
    options: XdsSourceOptions,
    onSnapshot: (snapshot: SourceSnapshot) => void,
    onState: (state: SourceState) => void,
    signal: AbortSignal,
  ) {
    const { identity = {} } = options;
    this.#name = name;
    this.#address = address;
    this.#options = options;
    this.#onSnapshot = onSnapshot;
    this.#onState = onState;
    this.#signal = signal;
    this.#form = address.isStateOfTheWorld ? 'sotw' : 'delta';
    const keepsBytes = address.cacheFolder !== undefined;
    this.#ads = new AdsState({ isGrpc: address.isGrpc, keepsBytes, now: () => new Date() });
    this.#effective = new EffectiveResources(address.isGrpc);
    this.#toTable = createXdsTables({ type: identity.type ?? 'sidecar', namespace: namespaceOf(identity) });
  }

  /** Resolves with the first rules in effect: those of the control plane, or of the cache. */
  async start(): Promise<void> {
    const aborted = () => {
      clearTimeout(this.#timer);
      clearTimeout(this.#cacheTimer);
      this.#first.resolve();
    };
    if (this.#signal.aborted) return;
    this.#signal.addEventListener('abort', aborted, { once: true });
    await this.#restore();
    void this.#run();
    await this.#first.promise;
  }

  async #restore(): Promise<void> {
    const { cacheFolder } = this.#address;
    if (cacheFolder === undefined) return;
    const { cacheOwner, readCache } = await import('./cache.ts');
    try {
      const sent = await readCache(cacheFolder, cacheOwner(this.#address, this.#options.identity));
      if (!sent) return;
      this.#ads.restore(sent);
      this.#publish();
    } catch (error) {
      this.#setState('connecting', `the cache in ${cacheFolder} cannot be read: ${(error as Error).message}`);
    }
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#signal.aborted) {
      let hasAnswered = false;
      const reason = await this.#converse(() => {
        hasAnswered = true;
      });
      if (this.#signal.aborted) return;
      if (reason === undefined) continue;
      failures = hasAnswered ? 0 : failures + 1;
      this.#setState('disconnected', reason);
      const limitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1), LAST_WAIT_MS);
      const { chance = Math.random } = this.#options;
      await wait(limitMs * (0.5 + chance() / 2), this.#signal);
    }
  }

  /** One stream from its beginning to its end; resolves with why it ended, undefined where another form is to be tried. */
  async #converse(onAnswer: () => void): Promise<string | undefined> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#signal, ended.signal]);
    let stream: XdsStream | undefined;
    const silence = setTimeout(
      () => ended.abort(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)),
      ANSWER_LIMIT_MS,
    );
    try {
      const { openStream } = await import('./stream.ts');
      const { identity = {}, ping = PING } = this.#options;
      const node = nodeOf(identity, this.#address.isGrpc);
      stream = await openStream(this.#address, node, this.#form, ping, signal);
      for (const request of this.#ads.open()) stream.send(request);
      for await (const response of stream.responses) {
        clearTimeout(silence);
        onAnswer();
        const { requests, isChanged } = this.#ads.take(response);
        for (const request of requests) stream.send(request);
        if (this.#state.state !== 'connected') this.#setState('connected');
        else if (requests.some(({ refusal }) => refusal !== undefined)) this.#tellState();
        if (isChanged) this.#changed();
      }
      return 'it has ended the stream';
    } catch (error) {
      if (ended.signal.aborted) return (ended.signal.reason as Error).message;
      if (this.#form === 'delta' && isUnimplemented(error)) {
        this.#form = 'sotw';
        return undefined;
      }
      const { reasonOf } = await import('./credentials.ts');
      return reasonOf(error, this.#address);
    } finally {
      clearTimeout(silence);
      stream?.close();
    }
  }

  #changed(): void {
    this.#changedMs ??= performance.now();
    this.#publishIn(GATHER_MS);
    const { cacheFolder } = this.#address;
    if (cacheFolder === undefined || this.#cacheTimer !== undefined) return;
    this.#cacheTimer = setTimeout(async () => {
      this.#cacheTimer = undefined;
      // Half of a first answer would not be gone on with.
      if (!this.#ads.isComplete) return;
      try {
        const { cacheOwner, writeCache } = await import('./cache.ts');
        const owner = cacheOwner(this.#address, this.#options.identity);
        await writeCache(cacheFolder, owner, this.#ads.sent);
        this.#cacheStands(undefined);
      } catch (error) {
        this.#cacheStands(`the cache in ${cacheFolder} cannot be written: ${(error as Error).message}`);
      }
    }, CACHE_DELAY_MS);
  }

  #cacheStands(reason: string | undefined): void {
    if (this.#signal.aborted || this.#cacheReason === reason) return;
    this.#cacheReason = reason;
    this.#tellState();
  }

  #publishIn(delayMs: number): void {
    const dueMs = performance.now() + delayMs;
    if (this.#signal.aborted || dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#timerDueMs = Number.POSITIVE_INFINITY;
      // What is named and not answered yet is about to come.
      const leftMs = this.#holdMs() - (performance.now() - (this.#changedMs ?? 0));
      if (leftMs > 0) this.#publishIn(leftMs);
      else if (this.#ads.isComplete || this.#hasListeners()) {
        // What never comes delays one change, not each after it.
        if (!this.#address.isGrpc) this.#ads.giveUp();
        this.#publish();
      }
    }, delayMs);
  }

  /** How long what has changed waits for the rest of it, in milliseconds from the first of it. */
  #holdMs(): number {
    // Clusters asked for by name are waited for by who names them alone.
    if (this.#hasPublished) return this.#ads.isComplete || this.#address.isGrpc ? 0 : HOLD_MS;
    // Nothing is in effect before: nobody is served better by half of it.
    if (!this.#ads.hasAllRules) return FIRST_HOLD_MS;
    return this.#ads.isComplete && this.#effective.isWhole(this.#ads.resources) ? 0 : HOLD_MS;
  }

  /** Without listeners there are no rules at all: the control plane has not got round to them. */
  #hasListeners(): boolean {
    return this.#ads.resources.listeners.size > 0;
  }

  #publish(): void {
    if (this.#signal.aborted) return;
    this.#hasPublished = true;
    this.#changedMs = undefined;
    const nowMs = performance.now();
    const table = this.#toTable(this.#effective.next(this.#ads.resources, nowMs));
    this.#onSnapshot(this.#snapshot(table));
    this.#tellState();
    const waitMs = this.#effective.waitMs(nowMs);
    if (waitMs !== undefined) this.#publishIn(waitMs);
    else if (this.#address.isGrpc) this.#ads.giveUp();
    this.#first.resolve();
  }

  #snapshot(table: RouteTable): SourceSnapshot {
    const issues = this.#ads.refused.map(({ kind, name, reason }) => ({
      code: 'xds-refused' as const,
      severity: 'error' as const,
      message: `Cannot take ${kind} "${name}" of ${this.#name}: ${reason}`,
    }));
    return { resources: [], issues, refused: [], unreadable: [], table };
  }

  /** One that a cluster asks for, once it has come. */
  secret(name: string): TlsSecret | undefined {
    return this.#ads.secrets.get(name);
  }

  /** Told how it stands with the certificate that the control plane has issued. */
  certificateChanged(certificate: CertificateState): void {
    this.#state = { ...this.#state, certificate };
    this.#tellState();
  }

  #setState(state: SourceState['state'], reason?: string): void {
    const { certificate, ...before } = this.#state;
    const since = before.state === state ? before.since : new Date().toISOString();
    this.#state = {
      state,
      since,
      ...(reason !== undefined && { reason }),
      ...(certificate && { certificate }),
    };
    this.#tellState();
  }

  #tellState(): void {
    const { listeners, routes, clusters, endpoints } = this.#ads.resources;
    this.#state = {
      ...this.#state,
      counts: {
        Listener: listeners.size,
        RouteConfiguration: routes.size,
        Cluster: clusters.size,
        ClusterLoadAssignment: endpoints.size,
      },
      refused: this.#ads.refused,
    };
    const reason = this.#state.reason ?? this.#cacheReason ?? this.#lacking();
    this.#onState({ ...this.#state, ...(reason !== undefined && { reason }) });
  }

  #lacking(): string | undefined {
    const { lacking } = this.#effective;
    if (!lacking) return undefined;
    const { virtualHost, cluster, sinceMs, more } = lacking;
    const since = new Date(Date.now() - performance.now() + sinceMs).toISOString();
    const others = more === 0 ? '' : `; ${more} more virtual hosts lead to such`;
    return `routes of "${virtualHost}" lead to the cluster "${cluster}", which is not there, since ${since}${others}`;
  }
}

/** gRPC's status for a method that is not there. */
const UNIMPLEMENTED = 12;

function isUnimplemented(error: unknown): boolean {
  return (error as { code?: unknown }).code === UNIMPLEMENTED;
}
