/**
 * A gateway's life as a process, for `serve` and `dev`: opens its ports, logs each change of the rules, and ends
 * in order when it is told to.
 */
import { isLoopback } from '../config/loopback.ts';
import type { ConfigSnapshot } from '../config/store.ts';
import { type AdminTarget, createAdmin } from '../gateway/admin/index.ts';
import { createGateway, type Gateway, type InProcessService, type Listening } from '../gateway/index.ts';
import { listen } from '../gateway/listener/index.ts';
import type { IstioSource } from '../gateway/telemetry/istio-request.ts';
import { prometheusMetrics } from '../gateway/telemetry/prometheus.ts';
import { TrafficCount } from '../gateway/telemetry/traffic-count.ts';
import { serveApp } from '../gateway/through-app.ts';
import type { Service } from '../router/index.ts';
import { createHealth, ServingStatus } from '../services/health/health.ts';
import { reflectionRoutes } from '../services/reflection/reflection.ts';
import { openAccessLog } from './access-log.ts';
import { CommandFailure, EXIT, usageFailure } from './failure.ts';
import { FirstRule, type Ruleless } from './first-rule.ts';
import type { PortMapping } from './listen-option.ts';
import { createLog, type Log } from './log.ts';
import { describeReload, describeSize } from './reload.ts';
import { describeSources, logSources, sourcesOf } from './source.ts';
import { issueText, print } from './terminal.ts';
import { openTracing, type TracingFlags } from './tracing.ts';

/** See the fields; most are options of the commands. */
export interface RunOptions extends TracingFlags {
  /** Files and folders of rules, watched, `k8s://`, or one `xds://HOST:PORT`. */
  readonly config: readonly string[];
  /** For `k8s://`. */
  readonly kubeconfig?: string;
  /** Refused resources of `k8s://` are told so. */
  readonly status?: boolean;
  /** By what the gateway is known in its mesh. Default: what the rules' source gives. */
  readonly certificates?: string;
  readonly ports: readonly PortMapping[];
  readonly host: string;
  readonly adminPort: number;
  readonly adminHost: string;
  readonly defaultHost?: string;
  readonly gateway?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly debugHeaders?: boolean;
  /** Tells clients why nothing was found, which is for development. */
  readonly explainNotFound?: boolean;
  readonly json?: boolean;
  /** Format of the access log. Default: requests are not logged. */
  readonly accessLog?: string;
  /** Default: standard output. */
  readonly accessLogFile?: string;
  readonly services?: readonly InProcessService[];
  readonly remoteServices?: readonly Service[];
  /** What is to become of a gateway whose files hold no rule at its start. Default: it is ready all the same. */
  readonly ruleless?: Ruleless;
  /** Called when the drain begins. */
  onDrain?(): void;
  /** What to print for people once all ports are open. Default: nothing beside the log. */
  greet?(running: Running): string;
}

/** The ports that are open. */
export interface Running {
  readonly traffic: readonly Listening[];
  readonly admin: Listening;
}

/** How long running calls may take to finish after the first signal. */
const DRAIN_LIMIT_MS = 30_000;
/** The admin port has no long calls, and a gateway that never opened has none at all. */
const ADMIN_DRAIN_MS = 500;

/** Runs until a signal ends it. Resolves when the ports are open; the process then lives on by them. */
export async function run(options: RunOptions): Promise<void> {
  const sources = sourcesOf(options);
  const log = createLog(options.json === true);
  const accessLog = openAccessLog(options.accessLog, options.accessLogFile, log);
  const source = sourceOf(options);
  const tracing = await openTracing(options, source, log);
  const metrics = prometheusMetrics({ source });
  const traffic = new TrafficCount();
  const health = createHealth([]);
  const gateway = createGateway({
    config: sources,
    services: options.services ?? [],
    remoteServices: options.remoteServices ?? [],
    ...(options.defaultHost !== undefined && { defaultHost: options.defaultHost }),
    proxy: {
      ...(options.gateway !== undefined && { type: 'router' as const, gateways: [options.gateway] }),
      ...(options.namespace !== undefined && { namespace: options.namespace }),
      ...(options.labels !== undefined && { labels: options.labels }),
    },
    debugHeaders: options.debugHeaders ?? false,
    explainNotFound: options.explainNotFound ?? false,
    metrics: {
      requestEnded(outcome) {
        metrics.requestEnded(outcome);
        traffic.requestEnded(outcome);
      },
    },
    ...(accessLog && { accessLog: accessLog.options }),
    ...(tracing && { tracing: tracing.options }),
    log,
    ownServices(router) {
      health.routes(router);
      reflectionRoutes(() => router.handlers.map(({ service }) => service))(router);
    },
  });
  metrics.watchConfig(() => ({ ...gateway.config.current(), sources: gateway.config.sources() }));
  metrics.watchClusters(() => gateway.statistics());
  metrics.watchMirrors(() => gateway.mirrors().counts);
  const first =
    options.ruleless &&
    new FirstRule(gateway.config, options.config, (isThere) => {
      health.set('', isThere ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
    });
  const open: Listening[] = [];
  endOnSignal(gateway, open, log, {
    onDrain() {
      health.shutDown();
      options.onDrain?.();
    },
    async onEnd() {
      await Promise.all([accessLog?.close(), tracing?.close()]);
    },
  });
  try {
    const admin = await openAdmin(
      gateway,
      { expose: metrics.expose, traffic, missing: () => first?.missing() },
      options,
      log,
    );
    open.push(admin);
    let before = gateway.config.current();
    gateway.config.subscribe((snapshot) => {
      const isRefusal = options.ruleless === 'ends' && first?.isNothingThere;
      if (!isRefusal) logReload(before, snapshot, log, first?.missing());
      before = snapshot;
    });
    gateway.config.subscribeSources(logSources(log));
    await gateway.ready();
    if (options.ruleless === 'ends' && first?.isNothingThere)
      throw usageFailure(
        `Cannot serve without rules: ${first.missing()}; add one, or start before it is there with --wait-for-rules`,
      );
    const opened: Listening[] = [];
    for (const { port, servicePort } of options.ports) {
      const listening = await orExplain(
        gateway.listen({ port, hostname: options.host, ...(servicePort !== undefined && { servicePort }) }),
        options.host,
        port,
        '--port',
      );
      opened.push(listening);
      log('INFO', `listening on ${urlOf(listening)} (${listening.protocols.join(' and ')})`);
    }
    log('INFO', `admin on ${urlOf(admin)}`);
    if (options.greet !== undefined && !options.json) print(options.greet({ traffic: opened, admin }));
  } catch (error) {
    await Promise.all([
      gateway.stop(ADMIN_DRAIN_MS),
      ...open.map((listening) => listening.close(ADMIN_DRAIN_MS)),
    ]);
    throw error;
  }
}

/** `http://localhost:8080`: where a client on this machine reaches it. */
export function urlOf({ hostname, port, protocols }: Listening): string {
  const local = ['127.0.0.1', '0.0.0.0', '::1', '::', 'localhost'].includes(hostname);
  const scheme = protocols.includes('h2') ? 'https' : 'http';
  return `${scheme}://${local ? 'localhost' : hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}

/** Whom Istio's metrics name as the source: the words of an Istio proxy's environment, beside the options. */
function sourceOf({ namespace, labels }: RunOptions): IstioSource {
  const { ISTIO_META_WORKLOAD_NAME: workload, ISTIO_META_CLUSTER_ID: cluster } = process.env;
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labels && { labels }),
    ...(workload && { workload }),
    ...(cluster && { cluster }),
  };
}

async function openAdmin(
  gateway: Gateway,
  counted: {
    readonly expose: AdminTarget['metrics'];
    readonly traffic: TrafficCount;
    /** Why there are no rules to route by. */
    missing(): string | undefined;
  },
  options: RunOptions,
  log: Log,
): Promise<Listening> {
  const token = process.env['POINTSMAN_ADMIN_TOKEN'];
  const loopback = isLoopback(options.adminHost);
  const admin = createAdmin(
    {
      store: gateway.config,
      readiness() {
        const reason = gateway.unreadiness() ?? counted.missing();
        if (reason === undefined) return 'ready';
        const cause = gateway.routing === undefined ? describeSources(gateway.config.sources()) : '';
        return { reason: cause === '' ? reason : `${reason}: ${cause}` };
      },
      servicePorts: () => gateway.servicePorts(),
      explain: (request) => (gateway.routing === undefined ? undefined : gateway.explain(request)),
      compileIssues: () => gateway.issues(),
      ports: () => gateway.ports(),
      clusters: () => gateway.clusters(),
      mirrors: () => gateway.mirrors(),
      table: () => gateway.table(),
      traffic: counted.traffic,
      send: async (request) => gateway.fetch(request),
      metrics: counted.expose,
    },
    { loopback, ...(token && { token }) },
  );
  if (!loopback && !token)
    log(
      'WARN',
      'the admin port is not on loopback: without POINTSMAN_ADMIN_TOKEN it shows the rules to all and lets nobody change them',
    );
  return orExplain(
    listen(
      { port: options.adminPort, hostname: options.adminHost },
      serveApp(
        (request) => admin.fetch(request),
        (message) => log('ERROR', message),
      ),
      (message) => log('WARN', message),
    ),
    options.adminHost,
    options.adminPort,
    '--admin-port',
  );
}

/** Says in one line why a port cannot be opened, and what would do. */
async function orExplain(
  opening: Promise<Listening>,
  host: string,
  port: number,
  option: string,
): Promise<Listening> {
  try {
    return await opening;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (code === 'EADDRINUSE')
      throw new CommandFailure(
        `Cannot listen on ${where}: another program has this port; end it, or choose another port with ${option} (0: any free one)`,
      );
    if (code === 'EACCES')
      throw new CommandFailure(
        `Cannot listen on ${where}: ports below 1024 need privileges; choose another with ${option}`,
      );
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new CommandFailure(`Cannot listen on ${where}: this machine has no such address`);
    throw new CommandFailure(`Cannot listen on ${where}: ${message}`);
  }
}

function logReload(before: ConfigSnapshot, after: ConfigSnapshot, log: Log, missing?: string): void {
  const { summary, issues, recovered } = describeReload(before, after);
  if (before.version === 0 && after.table === undefined && after.resources.length === 0)
    log(
      'WARN',
      missing === undefined
        ? 'no rules loaded: requests go by hosts alone until a source has some'
        : `not ready: ${missing}`,
    );
  else if (before.version === 0) log('INFO', `${describeSize(after)} loaded`);
  else if (summary !== undefined) log('INFO', summary);
  const kept = new Set(after.states.filter(({ state }) => state === 'last-good').map(({ key }) => key));
  for (const issue of issues) {
    const { resource, severity } = issue;
    const key = resource && `${resource.kind}/${resource.namespace}/${resource.name}`;
    const outcome =
      key === undefined ? '' : kept.has(key) ? 'refused, its last good version stays: ' : 'refused: ';
    log(severity === 'error' ? 'ERROR' : 'WARN', `${severity === 'error' ? outcome : ''}${issueText(issue)}`);
  }
  if (recovered) log('INFO', 'all rules are valid again');
}

/**
 * The first SIGTERM or SIGINT drains and exits 0, a second one exits at once. A handler of its own makes this work
 * for process 1 of a container, too, which has no default action.
 */
function endOnSignal(
  gateway: Gateway,
  open: readonly Listening[],
  log: Log,
  { onDrain, onEnd }: { onDrain(): void; onEnd(): Promise<void> },
): void {
  let ending = false;
  const end = async (signal: string) => {
    if (ending) {
      log('WARN', `second ${signal}: ended at once`);
      process.exit(EXIT.findings);
    }
    ending = true;
    // Watchers of health learn of it first: their streams would hold up the drain until its limit.
    onDrain();
    log('INFO', `${signal}: no new connections; calls under way have ${DRAIN_LIMIT_MS / 1000} s to finish`);
    const cut = await gateway.stop(DRAIN_LIMIT_MS);
    if (cut > 0) log('WARN', `${cut} calls were cut off`);
    await Promise.all(open.map((listening) => listening.close(ADMIN_DRAIN_MS)));
    log('INFO', 'ended');
    await onEnd();
    process.exit(EXIT.fine);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
}
