/**
 * The certificates that a gateway's servers show to clients, by what their Gateway names: Secrets, files, or the workload's
 * own. What was good stays in use where it cannot be read again, or is no longer good.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { ServerTls } from '../../router/table/server-tls.ts';
import type { Secrets, WorkloadCertificates } from '../../router/table/workload-certificate.ts';

/** PEM texts. The same object for as long as they are the same. */
export interface ServerCredential {
  /** With their keys in {@link keys}. */
  readonly certificates: readonly string[];
  readonly keys: readonly string[];
  /** Who may have signed clients' certificates. */
  readonly root?: string;
}

/** What is told of a server: no key, and no text of a certificate. */
export interface ServerState {
  readonly server: string;
  readonly hosts: readonly string[];
  readonly mode: ServerTls['mode'];
  /** `refused`: its connections are closed. */
  readonly state: 'ready' | 'refused';
  /** ISO time. */
  readonly since: string;
  /** Why there is no certificate, or the one in use could not be renewed. */
  readonly reason?: string;
  readonly certificates?: readonly { readonly names: string; readonly notAfter: string }[];
}

/** Where certificates come from; what is undefined there is none of yet. */
export interface CredentialSources {
  secrets(): Secrets | undefined;
  workloadCertificates(): WorkloadCertificates | undefined;
  log(level: 'INFO' | 'WARN', message: string): void;
}

/** However many connections ask, it is read once in so long, in milliseconds. */
const KEPT_MS = 1000;

interface Entry {
  credential: ServerCredential | undefined;
  state: Pick<ServerState, 'state' | 'since' | 'reason' | 'certificates'>;
  reading: Promise<void> | undefined;
  readMs: number;
}

/** See the module. */
export class ServerCredentials {
  readonly #sources: CredentialSources;
  readonly #entries = new Map<string, Entry>();

  constructor(sources: CredentialSources) {
    this.#sources = sources;
  }

  /** What a connection to the server is given; undefined where there is nothing. */
  async of(server: ServerTls): Promise<ServerCredential | undefined> {
    const entry = this.#entryOf(server);
    const isFresh = performance.now() - entry.readMs < KEPT_MS;
    if (!isFresh) entry.reading ??= this.#read(server, entry);
    await entry.reading;
    return entry.credential;
  }

  /** Reads those of all servers that there are, and forgets all others. */
  async refresh(servers: readonly ServerTls[]): Promise<void> {
    const keys = new Set(servers.map(keyOf));
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
    await Promise.all(servers.map((server) => this.of(server)));
  }

  stateOf(server: ServerTls): ServerState {
    const { server: name, hosts, mode } = server;
    return { server: name, hosts, mode, ...this.#entryOf(server).state };
  }

  #entryOf(server: ServerTls): Entry {
    const key = keyOf(server);
    let entry = this.#entries.get(key);
    if (!entry) {
      const since = new Date().toISOString();
      const state = { state: 'refused' as const, since, reason: 'its certificate has not been read yet' };
      entry = { credential: undefined, state, reading: undefined, readMs: Number.NEGATIVE_INFINITY };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  async #read(server: ServerTls, entry: Entry): Promise<void> {
    try {
      const read = await readCredential(server, this.#sources);
      if (JSON.stringify(read) !== JSON.stringify(entry.credential)) {
        const certificates = read.certificates.map((text, index) => checked(text, read.keys[index]!));
        if (read.root !== undefined) certificateOf(read.root, 'what it trusts clients by');
        createSecureContext(contextOf(server, read));
        entry.credential = read;
        entry.state = { state: 'ready', since: new Date().toISOString(), certificates };
        const told = certificates.map(({ names, notAfter }) => `${names}, until ${notAfter}`).join('; ');
        this.#sources.log('INFO', `TLS of ${server.server} is by the certificate for ${told}`);
      } else if (entry.state.reason !== undefined) {
        const { reason: _, ...state } = entry.state;
        entry.state = state;
      }
    } catch (error) {
      const reason = (error as Error).message;
      if (entry.state.reason !== reason) {
        const outcome = entry.credential ? 'the certificate read last stays' : 'its connections are closed';
        this.#sources.log('WARN', `TLS of ${server.server}: ${reason}; ${outcome}`);
        entry.state = { ...entry.state, reason };
      }
    } finally {
      entry.readMs = performance.now();
      entry.reading = undefined;
    }
  }
}

const keys = new WeakMap<ServerTls, string>();

/** All of a server but its names: what decides which certificates it has, and who may connect. */
export function keyOf(server: ServerTls): string {
  let key = keys.get(server);
  if (key === undefined) {
    const { server: _, hosts: __, ...rest } = server;
    key = JSON.stringify(rest);
    keys.set(server, key);
  }
  return key;
}

async function readCredential(server: ServerTls, sources: CredentialSources): Promise<ServerCredential> {
  const { mode, unsupported, certificateSecrets, rootSecret, certificateFiles, rootFile } = server;
  if (unsupported.length > 0) throw new Error(`${unsupported.join(', ')} of its tls cannot be carried out`);
  const byRuntime = 'Deno' in globalThis ? beyondDeno(server) : undefined;
  if (byRuntime !== undefined) throw new Error(`Deno cannot carry out ${byRuntime} of its tls`);
  if (mode === 'ISTIO_MUTUAL') {
    const own = sources.workloadCertificates();
    if (!own) throw new Error('there is no workload certificate; give one by --certificates');
    const { certificateChain, privateKey, rootCertificates } = await own();
    return { certificates: [certificateChain], keys: [privateKey], root: rootCertificates };
  }
  const secrets = sources.secrets();
  if (!secrets && (certificateSecrets.length > 0 || rootSecret !== undefined))
    throw new Error('it names a Secret, and no source of rules has Secrets');
  const pairs = await Promise.all([
    ...certificateSecrets.map(async (name) => {
      const { certificateChain, privateKey } = await secrets!(name);
      if (certificateChain === undefined || privateKey === undefined)
        throw new Error(`the secret "${name}" has no certificate with its key`);
      return { certificateChain, privateKey };
    }),
    ...certificateFiles.map(async (files) => ({
      certificateChain: await readFile(files.certificateChain, 'utf8'),
      privateKey: await readFile(files.privateKey, 'utf8'),
    })),
  ]);
  if (pairs.length === 0) throw new Error('it names no certificate');
  const isMutual = mode !== 'SIMPLE';
  const root =
    rootSecret !== undefined
      ? (await secrets!(rootSecret)).rootCertificates
      : rootFile && (await readFile(rootFile, 'utf8'));
  if (isMutual && !root)
    throw new Error(
      rootSecret === undefined
        ? 'it names no authority for its clients'
        : `the secret "${rootSecret}" has no certificates of authorities (cacert, ca.crt)`,
    );
  return {
    certificates: pairs.map(({ certificateChain }) => certificateChain),
    keys: pairs.map(({ privateKey }) => privateKey),
    ...(isMutual && root && { root }),
  };
}

/** What Deno's TLS takes in silence, and does not keep to. */
function beyondDeno({
  mode,
  ciphers,
  minVersion,
  maxVersion,
  certificateSecrets,
}: ServerTls): string | undefined {
  if (mode !== 'SIMPLE') return `mode ${mode}`;
  if (ciphers !== undefined) return 'cipherSuites';
  if (minVersion !== undefined || maxVersion !== undefined) return 'protocol versions';
  return certificateSecrets.length > 1 ? 'several certificates' : undefined;
}

/** What a runtime's TLS is told of a server. */
export function contextOf(
  { minVersion, maxVersion, ciphers }: ServerTls,
  { certificates, keys, root }: ServerCredential,
): SecureContextOptions {
  return {
    cert: [...certificates],
    key: [...keys],
    ...(root !== undefined && { ca: root }),
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(ciphers !== undefined && { ciphers }),
  };
}

function certificateOf(text: string, what: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new Error(`${what} is no PEM of a certificate`);
  }
}

/** Whom a certificate is for. Throws where it is none, or the key is another's; what it says has nothing of the key. */
function checked(
  certificateChain: string,
  key: string,
): { readonly names: string; readonly notAfter: string } {
  const certificate = certificateOf(certificateChain, 'its certificate');
  let isOwn: boolean;
  try {
    isOwn = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new Error('its key is no PEM of a private key');
  }
  if (!isOwn) throw new Error('its key is not that of its certificate');
  const { subjectAltName, subject, validTo } = certificate;
  return {
    names: subjectAltName ?? subject.replaceAll('\n', ', '),
    notAfter: new Date(validTo).toISOString(),
  };
}
