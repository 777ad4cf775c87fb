/** The sources that `--config` names: files and folders, a cluster, or a control plane. */
import { existsSync } from 'node:fs';
import { certificateSourceOf, checkTogether, sourceOf } from '../config/named.ts';
import type { ConfigSource } from '../config/source.ts';
import type { NamedSourceState } from '../config/store.ts';
import { usageFailure } from './failure.ts';
import type { Log } from './log.ts';

/** Options of a command that sources depend on. */
export interface SourceOptions {
  readonly config: readonly string[];
  /** For `k8s://`. */
  readonly kubeconfig?: string;
  /** Refused resources of `k8s://` are told so. */
  readonly status?: boolean;
  /** By what the gateway is known in its mesh, where that does not come with the rules. */
  readonly certificates?: string;
  readonly gateway?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The sources that `--config` names. Throws a usage failure for what is none, or does not go together. */
export function sourcesOf(options: SourceOptions): ConfigSource[] {
  const { config, certificates, kubeconfig, status, gateway, namespace, labels } = options;
  if (status === true && !config.some((each) => each.startsWith('k8s:')))
    throw usageFailure('Cannot write a status: only resources of a cluster have one; give --config k8s://');
  if (kubeconfig !== undefined && !config.some((each) => each.startsWith('k8s:')))
    throw usageFailure('Cannot use a kubeconfig: only a cluster is reached by one; give --config k8s://');
  try {
    checkTogether(config);
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
  const identity = {
    ...(gateway !== undefined && { type: 'router' as const }),
    ...(namespace !== undefined && { namespace }),
    ...(labels && { labels }),
  };
  const sources = config.map((each) => {
    try {
      const source = sourceOf(withParameters(each, kubeconfig, status), identity);
      // What vanishes later may come back, as a mount does; what was never there is more likely misspelt.
      if (/^[a-z0-9]+:/i.test(each) || existsSync(each)) return source;
    } catch (error) {
      throw usageFailure((error as Error).message);
    }
    throw usageFailure(
      `Cannot find "${each}": no such file or folder; --config takes one that is there, and follows what is added to a folder`,
    );
  });
  if (certificates === undefined) return sources;
  if (!certificates.startsWith('xds:') && !existsSync(certificates))
    throw usageFailure(
      `Cannot find "${certificates}": no such folder; --certificates takes one with cert-chain.pem, key.pem and root-cert.pem, or xds://HOST:PORT with TLS and a token`,
    );
  try {
    return [certificateSourceOf(certificates), ...sources];
  } catch (error) {
    throw usageFailure((error as Error).message);
  }
}

function withParameters(name: string, kubeconfig: string | undefined, status = false): string {
  if (!name.startsWith('k8s:')) return name;
  const parameters = new URLSearchParams({
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(status && { status: '' }),
  });
  return parameters.size === 0 ? name : `${name}${name.includes('?') ? '&' : '?'}${parameters}`;
}

/** One cause can change much of a source's state, a piece after the other: what follows so soon is one line. */
const SETTLE_MS = 100;

/** Says each time when a source has lost its peer or found it, and why. */
export function logSources(log: Log): (state: NamedSourceState) => void {
  const told = new Map<string, string>();
  /** Sources that rules have come from. */
  const known = new Set<string>();
  const waiting = new Map<string, ReturnType<typeof setTimeout>>();
  const tell = ({ name, state, reason, counts = {} }: NamedSourceState): void => {
    const text = reason === undefined ? state : `${state}: ${reason}`;
    if (told.get(name) === text) return;
    told.set(name, text);
    // What a cache has kept counts, too.
    if (state === 'connected' || Object.values(counts).some((count) => count > 0)) known.add(name);
    const stays = known.has(name) ? 'the rules that it sent last stay' : 'it has sent no rules yet';
    if (state === 'disconnected') log('WARN', `${name} is ${text}; ${stays}`);
    else log(reason === undefined ? 'INFO' : 'WARN', `${name} is ${text}`);
  };
  return (change) => {
    clearTimeout(waiting.get(change.name));
    if (change.reason === undefined) tell(change);
    else
      waiting.set(
        change.name,
        setTimeout(() => tell(change), SETTLE_MS),
      );
  };
}

/** Why sources have given nothing yet, if they say so: `k8s:// is connecting: connect ECONNREFUSED`. */
export function describeSources(states: readonly NamedSourceState[]): string {
  return states
    .flatMap(({ name, state, reason }) => (reason === undefined ? [] : [`${name} is ${state}: ${reason}`]))
    .join('; ');
}
