/** Sources by name, as `--config` and the library's options take them. What needs a disk or sockets is loaded when it starts. */
import { parseKubernetesAddress } from './kubernetes/address.ts';
import type { ConfigSource } from './source.ts';
import { parseXdsAddress } from './xds/address.ts';

/** A source, or what `--config` takes: the path of a file or folder, watched, `k8s://`, or `xds://HOST:PORT`. */
export type SourceName = string | ConfigSource;

/** On whose behalf a control plane is asked for rules. */
export interface SourceIdentity {
  /** `router`: a gateway at the edge. Default `sidecar`. */
  readonly type?: 'sidecar' | 'router';
  /** Default: POD_NAMESPACE, else `default`. */
  readonly namespace?: string;
  /** For `sourceLabels`, and a Gateway's selector. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** True for what is no file or folder: `k8s://` and `xds://HOST:PORT`. */
export function isRemoteSource(name: string): boolean {
  return /^(?:k8s|xds):/.test(name);
}

/** Throws a TypeError where a control plane is one of several sources: it has compiled all of its rules already. */
export function checkTogether(names: readonly SourceName[]): void {
  if (names.length < 2) return;
  const all = names.map((each) => (typeof each === 'string' ? each : each.name));
  const plane = all.find((each) => each.startsWith('xds:'));
  if (plane !== undefined)
    throw new TypeError(
      `Cannot read rules from "${plane}" and elsewhere: a control plane has compiled all of its rules already; give it alone`,
    );
}

/** The sources of names that go together. Throws a TypeError as {@link checkTogether} and {@link sourceOf} do. */
export function sourcesOf(names: readonly SourceName[], identity: SourceIdentity = {}): ConfigSource[] {
  checkTogether(names);
  return names.map((name) => sourceOf(name, identity));
}

/** The source of a name. Throws a TypeError for a kind of source that there is not, or an address that is none. */
export function sourceOf(name: SourceName, identity: SourceIdentity = {}): ConfigSource {
  if (typeof name !== 'string') return name;
  if (name.startsWith('xds:')) {
    parseXdsAddress(name);
    return startedLate(name, async () => (await import('./xds/source.ts')).xdsSource(name, { identity }));
  }
  if (name.startsWith('k8s:')) {
    parseKubernetesAddress(name);
    return startedLate(name, async () => {
      const { kubernetesSource } = await import('./kubernetes/source.ts');
      const { namespace } = identity;
      return kubernetesSource(name, { ...(namespace !== undefined && { ownNamespace: namespace }) });
    });
  }
  if (/^[a-z0-9]+:\/\//i.test(name))
    throw new TypeError(`Cannot read "${name}": a source is a file, a folder, k8s:// or xds://HOST:PORT`);
  return startedLate(name, async () => (await import('./file.ts')).fileSource(name));
}

/**
 * The source that gRPC's bootstrap names: GRPC_XDS_BOOTSTRAP, or GRPC_XDS_BOOTSTRAP_CONFIG. It cannot start where there
 * is none. `identity` goes before what the bootstrap says.
 */
export function bootstrapSource(identity: SourceIdentity = {}): ConfigSource {
  return startedLate('GRPC_XDS_BOOTSTRAP', async () =>
    (await import('./xds/bootstrap.ts')).bootstrapSource(identity),
  );
}

/**
 * By what this workload is known in its mesh: a folder with files as Istio's agent writes them, `cert-chain.pem`, `key.pem` and
 * `root-cert.pem`, or `xds://HOST:PORT?ca=FILE&token=FILE`, the mesh's authority. A source without rules. Throws a TypeError for
 * an address that is none.
 */
export function certificateSourceOf(where: string): ConfigSource {
  if (where.startsWith('xds:')) {
    const { tls, tokenFile } = parseXdsAddress(where);
    if (!tls || tokenFile === undefined)
      throw new TypeError(
        `Cannot get certificates from "${where}": want TLS and a token, as xds://istiod.istio-system.svc:15012?ca=FILE&token=FILE`,
      );
    return startedLate(where, async () =>
      (await import('./xds/certificate-source.ts')).authoritySource(where),
    );
  }
  return startedLate(where, async () => (await import('./certificate-files.ts')).certificateFolder(where));
}

/** All that a source may give: one that is loaded late leaves nothing of it out. */
type WholeSource = ConfigSource & Readonly<Record<keyof ConfigSource, unknown>>;

function startedLate(name: string, load: () => Promise<ConfigSource>): WholeSource {
  let source: ConfigSource | undefined;
  return {
    name,
    async start(onSnapshot, signal, onState) {
      source = await load();
      await source.start(onSnapshot, signal, onState);
    },
    refresh: async () => source?.refresh?.(),
    get workloadCertificates() {
      return source?.workloadCertificates;
    },
    get secrets() {
      return source?.secrets;
    },
    get podAccounts() {
      return source?.podAccounts;
    },
  };
}
