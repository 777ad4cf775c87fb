/**
 * Rules and endpoints from a Kubernetes API server: `k8s://`. Lists and watches Istio's resources, Services,
 * EndpointSlices and the labels of Pods; writes nothing but the status of refused resources, where it is told to.
 */
import type { PodAccounts, Secrets } from '../../router/table/workload-certificate.ts';
import type { ConfigSource, SourceSnapshot, SourceState } from '../source.ts';
import { readAccess } from './access.ts';
import { type KubernetesAddress, parseKubernetesAddress } from './address.ts';
import { createApi, type KubernetesApi } from './api.ts';
import { refusalOf } from './condition.ts';
import { ServiceDirectory } from './directory.ts';
import { kubernetesPodAccounts } from './pod-account.ts';
import { type ReflectedKind, Reflector, type ReflectorOptions } from './reflector.ts';
import { type KeptRule, RULE_KINDS, type Rules, rulesOf } from './rule.ts';
import { kubernetesSecrets } from './secret.ts';
import { type EndpointSlice, type KubernetesService, readService, readSlice } from './service.ts';
import { StatusWriter } from './status.ts';

/** See the fields. */
export interface KubernetesSourceOptions {
  /** Default: KUBECONFIG's, a pod's own access, `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** Where Secrets with certificates are. Default: POD_NAMESPACE, else `default`. */
  readonly ownNamespace?: string;
  /** Returns a number in [0, 1): replicas do not all ask at once. Default: the runtime's chance. */
  readonly chance?: () => number;
  /** Waits before tries. Default: half a second to half a minute. */
  readonly waits?: NonNullable<ReflectorOptions['waits']>;
}

/** Changes that come closer together than this are one. */
const GATHER_MS = 20;
/**
 * So often in a row a kind may be refused before there are any rules, for roles that are made together with what needs
 * them; three seconds or so. Later on the last good rules stay.
 */
const MAX_REFUSALS = 4;

/** A source for `k8s://?namespace=NAME&kubeconfig=FILE&status`, each of which may be left out. Throws a TypeError for anything else. */
export function kubernetesSource(url: string, options: KubernetesSourceOptions = {}): ConfigSource {
  const address = parseKubernetesAddress(url);
  let secrets: Secrets | undefined;
  let podAccounts: PodAccounts | undefined;
  return {
    name: url,
    get secrets() {
      return secrets;
    },
    get podAccounts() {
      return podAccounts;
    },
    async start(onSnapshot, signal, onState) {
      const access = await readAccess(address.kubeconfig ?? options.kubeconfig);
      if (signal.aborted) return;
      const api = createApi(access);
      signal.addEventListener('abort', () => api.close(), { once: true });
      const ownNamespace = options.ownNamespace ?? (process.env['POD_NAMESPACE'] || 'default');
      secrets = kubernetesSecrets(api, ownNamespace, signal);
      podAccounts = kubernetesPodAccounts(api, signal);
      await new KubernetesFollower(api, address, options, onSnapshot, onState ?? (() => {}), signal).start();
    },
  };
}

const SERVICE: ReflectedKind<ReturnType<typeof readService>> = {
  kind: 'Service',
  resource: 'services',
  apis: ['/api/v1'],
  keep: (object) => readService(object as KubernetesService),
};
const SLICE: ReflectedKind<ReturnType<typeof readSlice>> = {
  kind: 'EndpointSlice',
  resource: 'endpointslices',
  apis: ['/apis/discovery.k8s.io/v1'],
  keep: (object) => readSlice(object as EndpointSlice),
};
type Labels = Readonly<Record<string, string>>;

/** Labels that are the same for the Pods of a Deployment are one object. */
const POD = (share: (labels: Labels) => Labels): ReflectedKind<Labels> => ({
  kind: 'Pod',
  resource: 'pods',
  apis: ['/api/v1'],
  isMetadataOnly: true,
  keep: ({ metadata }) => share(metadata.labels ?? {}),
  isSame: (before, after) => {
    const names = Object.keys(after);
    return names.length === Object.keys(before).length && names.every((name) => before[name] === after[name]);
  },
});

/** What was given lately and reads the same, in place of what is given. */
function sharing(): (labels: Labels) => Labels {
  const known = new Map<string, Labels>();
  return (labels) => {
    const key = JSON.stringify(labels);
    const same = known.get(key);
    if (same) return same;
    if (known.size >= MAX_SHARED) known.clear();
    known.set(key, labels);
    return labels;
  };
}

/** Labels that no other Pod has would otherwise stay for ever. */
const MAX_SHARED = 1000;

class KubernetesFollower {
  readonly #signal: AbortSignal;
  readonly #onSnapshot: (snapshot: SourceSnapshot) => void;
  readonly #onState: (state: SourceState) => void;
  readonly #istio: readonly Reflector<KeptRule>[];
  readonly #all: readonly Reflector<unknown>[];
  readonly #directory: ServiceDirectory;
  readonly #reasons = new Map<string, string>();
  /** Why nothing can be written. */
  #statusReason: string | undefined;
  readonly #first = Promise.withResolvers<void>();
  #hasPublished = false;
  /** Undefined when they have changed since they were given last. */
  #rules: Rules | undefined;
  /** Keys of rules that have changed since then: what was laid over them by `apply` ends. */
  readonly #saved = new Set<string>();
  #state: SourceState = { state: 'connecting', since: new Date().toISOString() };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    api: KubernetesApi,
    { namespace, writesStatus }: KubernetesAddress,
    { chance = Math.random, waits }: KubernetesSourceOptions,
    onSnapshot: (snapshot: SourceSnapshot) => void,
    onState: (state: SourceState) => void,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    this.#onSnapshot = onSnapshot;
    this.#onState = onState;
    const status =
      writesStatus === true
        ? new StatusWriter(
            api,
            { stands: (reason) => this.#statusStands(reason), ...(waits && { retryMs: waits.lastMs }) },
            signal,
          )
        : undefined;
    const follow = <T>(
      kind: ReflectedKind<T>,
      changed: (key: string) => void,
      told: Pick<ReflectorOptions<T>, 'seen' | 'gone'> = {},
    ) =>
      new Reflector(
        kind,
        api,
        {
          ...(namespace !== undefined && { namespace }),
          chance,
          ...(waits && { waits }),
          ...told,
          changed: (key) => {
            changed(key);
            this.#changed();
          },
          stands: (reason, refusals) => this.#stands(kind.kind, reason, refusals),
        },
        signal,
      );
    this.#istio = RULE_KINDS.map((kind) =>
      follow(
        kind,
        (key) => {
          this.#rules = undefined;
          this.#saved.add(`${kind.kind}/${key}`);
        },
        status && {
          seen: (path, object, { issues }) => status.seen(path, object, refusalOf(issues)),
          gone: (path) => status.gone(path),
        },
      ),
    );
    const services = follow(SERVICE, (key) => this.#directory.serviceChanged(key));
    const slices = follow(SLICE, (key) => this.#directory.sliceChanged(key));
    const pods = follow(POD(sharing()), (key) => this.#directory.podChanged(key));
    this.#directory = new ServiceDirectory({
      services: services.objects,
      slices: slices.objects,
      pods: pods.objects,
    });
    this.#all = [...this.#istio, services, slices, pods] as readonly Reflector<unknown>[];
  }

  /** Resolves with the first snapshot: when each kind has been listed. Rejects where one may not be. */
  async start(): Promise<void> {
    this.#signal.addEventListener(
      'abort',
      () => {
        clearTimeout(this.#timer);
        this.#first.resolve();
      },
      { once: true },
    );
    for (const reflector of this.#all) void reflector.run();
    await this.#first.promise;
  }

  #changed(): void {
    if (this.#signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#publish();
    }, GATHER_MS);
  }

  #publish(): void {
    if (!this.#all.every(({ hasSynced }) => hasSynced)) return;
    this.#hasPublished = true;
    this.#rules ??= rulesOf(this.#istio);
    const saved = [...this.#saved];
    this.#saved.clear();
    this.#onSnapshot({
      ...this.#rules,
      ...(saved.length > 0 && { saved }),
      services: this.#directory.services(),
    });
    this.#tellState();
    this.#first.resolve();
  }

  #stands(kind: string, reason: string | undefined, refusals: number): void {
    if (this.#signal.aborted) return;
    if (reason === undefined) this.#reasons.delete(kind);
    else this.#reasons.set(kind, reason);
    // Even a cluster without anything is one that has been read.
    if (!this.#hasPublished) this.#changed();
    this.#tellState();
    if (refusals >= MAX_REFUSALS && !this.#hasPublished)
      this.#first.reject(new Error(`Cannot read the rules of the cluster: ${this.#state.reason}`));
  }

  #statusStands(reason: string | undefined): void {
    if (this.#signal.aborted || this.#statusReason === reason) return;
    this.#statusReason = reason;
    this.#tellState();
  }

  #tellState(): void {
    const reasons = [...this.#reasons.values()];
    const isSynced = this.#all.every(({ hasSynced }) => hasSynced);
    const state =
      reasons.length > 0 ? (isSynced ? 'disconnected' : 'connecting') : isSynced ? 'connected' : 'connecting';
    const [first, ...more] = reasons;
    const reason =
      first === undefined
        ? this.#statusReason
        : more.length === 0
          ? first
          : `${first}, and ${more.length} more kinds`;
    const since = this.#state.state === state ? this.#state.since : new Date().toISOString();
    this.#state = {
      state,
      since,
      ...(reason !== undefined && { reason }),
      counts: Object.fromEntries(this.#all.map(({ kind, objects }) => [kind.kind, objects.size])),
    };
    this.#onState(this.#state);
  }
}
