/** What a cluster or a control plane has at this moment, for commands that look once. */
import { sourceOf } from '../config/named.ts';
import type { SourceSnapshot, SourceState } from '../config/source.ts';
import type { Client } from '../workbench/client.ts';
import type { ProxyIdentity, ProxyState } from '../workbench/proxy/proxy-state.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import type { RuleSide } from './rule-side.ts';

/** How long a peer may take to tell all that it has. */
const TIMEOUT_MS = 60_000;
/** Where what it has told lacks something, which may be on its way or never come, it is waited for so long. */
const LACK_MS = 3000;

/** The side of a source. A source waits for a peer that is away; whoever asks once is told so. */
export async function readSource(name: string, { namespace, labels, gateway }: Client): Promise<RuleSide> {
  const identity = {
    type: gateway === undefined ? ('sidecar' as const) : ('router' as const),
    ...(namespace !== undefined && { namespace }),
    ...(labels && { labels }),
  };
  const { snapshot, state } = await firstSnapshot(name, identity);
  const { resources, issues, table } = snapshot;
  const errors = issues.filter(({ severity }) => severity === 'error');
  if (!table) return { resources, issues: errors };
  const refused = (state?.refused ?? []).map(({ kind, name: of, reason }) => `${kind} "${of}": ${reason}`);
  const proxy: ProxyState = {
    table,
    leftOut: refused,
    identity: { ...identity, namespace: namespace ?? (process.env['POD_NAMESPACE'] || 'default') },
    hasClusters: true,
  };
  return { resources: [], issues: [], proxy };
}

interface First {
  readonly snapshot: SourceSnapshot;
  readonly state: SourceState | undefined;
}

async function firstSnapshot(name: string, identity: Partial<ProxyIdentity>): Promise<First> {
  const ending = new AbortController();
  const failed = Promise.withResolvers<never>();
  const fail = (reason: string): void =>
    failed.reject(new CommandFailure(`Cannot read rules from "${name}": ${reason}`));
  const timer = setTimeout(() => fail(`it has not told all within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
  const first = Promise.withResolvers<First>();
  let lacking: ReturnType<typeof setTimeout> | undefined;
  let hasStarted = false;
  let state: SourceState | undefined;
  let snapshot: SourceSnapshot | undefined;
  const take = (): void => {
    if (snapshot) first.resolve({ snapshot, state });
  };
  const look = (): void => {
    if (!hasStarted || ending.signal.aborted) return;
    if (state?.reason === undefined) take();
    else lacking ??= setTimeout(take, LACK_MS);
  };
  try {
    const started = sourceOf(name, identity).start(
      async (each) => {
        snapshot = each;
      },
      ending.signal,
      (each) => {
        state = each;
        if (each.reason !== undefined && each.state !== 'connected') fail(each.reason);
        look();
      },
    );
    started.then(
      () => {
        hasStarted = true;
        look();
      },
      (error: Error) => fail(error.message),
    );
    return await Promise.race([first.promise, failed.promise]);
  } catch (error) {
    if (error instanceof TypeError) throw usageFailure(error.message);
    throw error;
  } finally {
    clearTimeout(timer);
    clearTimeout(lacking);
    ending.abort();
  }
}
