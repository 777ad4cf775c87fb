/**
 * Many requests through the rules, with chance that can be had again: who gets how many, what is answered, and how
 * long it takes against destinations that fail and are slow as given. Imports the router.
 */
import { createRouter, type Decision, type RouteRequest, type RouteTable } from '../../router/index.ts';
import { isNamed, targetName } from '../name.ts';
import { createTester } from '../trial.ts';
import { createChance } from './random.ts';
import { createHistogram, wilsonInterval } from './statistic.ts';
import { answerOf, type TargetModel } from './target-model.ts';

/** See {@link simulate}. */
export interface SimulateOptions {
  readonly request: RouteRequest;
  readonly requests: number;
  /** Default 1. */
  readonly seed?: number;
  /** Rules of each part of the time, all equally long. */
  readonly steps: readonly { readonly label: string; readonly table: RouteTable }[];
  readonly models?: readonly TargetModel[];
  /** Requests come from so many users, each with a value of its own in this header. */
  readonly users?: { readonly count: number; readonly header: string };
}

/** What came of it. */
export interface SimulationReport {
  readonly requests: number;
  readonly seed: number;
  /** In the order of how many they got. */
  readonly targets: readonly TargetCount[];
  readonly steps: readonly { readonly label: string; readonly targets: readonly TargetCount[] }[];
  readonly statuses: readonly { readonly status: number; readonly count: number; readonly percent: number }[];
  /** Requests that were tried more than once. */
  readonly retried: number;
  readonly delayed: number;
  readonly aborted: number;
  readonly mirrors: readonly { readonly target: string; readonly count: number }[];
  /** In milliseconds. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly users?: { readonly count: number; readonly withSeveral: number };
}

/** How many requests one destination, or one answer of the rules themselves, got. */
export interface TargetCount {
  readonly target: string;
  readonly count: number;
  readonly percent: number;
  /** Bounds in percent, 95 of 100 times right. */
  readonly interval: readonly [low: number, high: number];
  /** What the weights say, in percent; absent where that is different from user to user. */
  readonly intended?: number;
}

/** Requests between two reports of progress. */
const SLICE = 20_000;

/** Runs the simulation; yields now and then how many requests are done. */
export function* simulate(options: SimulateOptions): Generator<number, SimulationReport> {
  const { request, requests, seed = 1, steps, models = [], users } = options;
  const chance = createChance(seed);
  const random = (bound: number): number => chance.below(bound);
  const senders = sendersOf(request, users);
  const seen: (Set<string> | undefined)[] = [];
  const latency = createHistogram();
  const statuses = new Map<number, number>();
  const mirrors = new Map<string, number>();
  const total = new Map<string, number>();
  const names = new Map<string, string>();
  const byCluster = new Map<string, TargetModel | undefined>();
  const modelOf = (decision: Decision & { kind: 'forward' }): TargetModel | undefined => {
    const { cluster, destination } = decision;
    if (!byCluster.has(cluster))
      byCluster.set(
        cluster,
        models.find(({ name }) => isNamed(name, destination)),
      );
    return byCluster.get(cluster);
  };
  const nameOf = (decision: Decision): string => {
    if (decision.fault?.abort) return 'aborted by a fault';
    if (decision.kind === 'reply')
      return decision.flag ? `answer ${decision.status} (${decision.flag})` : `answer ${decision.status}`;
    let name = names.get(decision.cluster);
    if (name === undefined) {
      name = targetName(decision.cluster);
      names.set(decision.cluster, name);
    }
    return name;
  };
  let [done, retried, delayed, aborted] = [0, 0, 0, 0];
  const stepReports: SimulationReport['steps'][number][] = [];
  for (const [index, { label, table }] of steps.entries()) {
    const router = createRouter(table);
    const own = new Map<string, number>();
    const end = Math.round((requests * (index + 1)) / steps.length);
    const size = end - done;
    for (; done < end; done++) {
      if (done % SLICE === 0) yield done;
      const sender = senders.length === 1 ? 0 : chance.below(senders.length);
      const sent = senders[sender]!;
      const decision = router.route(sent, random);
      const name = nameOf(decision);
      own.set(name, (own.get(name) ?? 0) + 1);
      if (users) {
        seen[sender] ??= new Set();
        seen[sender].add(name);
      }
      const { fault } = decision;
      let tookMs = fault?.delayMs ?? 0;
      if (fault?.delayMs !== undefined) delayed++;
      let status = decision.kind === 'reply' ? decision.status : 200;
      if (fault?.abort) {
        aborted++;
        status = 'httpStatus' in fault.abort ? fault.abort.httpStatus : 200;
      } else if (decision.kind === 'forward') {
        for (const { cluster } of decision.mirrors) mirrors.set(cluster, (mirrors.get(cluster) ?? 0) + 1);
        const model = modelOf(decision);
        if (model) {
          const answer = answerOf(decision, sent, model, chance);
          status = answer.status;
          tookMs += answer.tookMs;
          if (answer.tries > 1) retried++;
        }
      }
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      latency.add(tookMs);
    }
    for (const [name, count] of own) total.set(name, (total.get(name) ?? 0) + count);
    stepReports.push({ label, targets: countsOf(own, size, users ? undefined : intendedOf(table, request)) });
  }
  yield done;
  const intended = steps.length === 1 && !users ? intendedOf(steps[0]!.table, request) : undefined;
  return {
    requests,
    seed,
    targets: countsOf(total, requests, intended),
    steps: stepReports,
    statuses: [...statuses]
      .map(([status, count]) => ({ status, count, percent: (100 * count) / requests }))
      .sort((a, b) => b.count - a.count),
    retried,
    delayed,
    aborted,
    mirrors: [...mirrors].map(([cluster, count]) => ({ target: targetName(cluster), count })),
    latency: { p50: latency.quantile(0.5), p95: latency.quantile(0.95), p99: latency.quantile(0.99) },
    ...(users && {
      users: {
        count: seen.filter(Boolean).length,
        withSeveral: seen.filter((targets) => (targets?.size ?? 0) > 1).length,
      },
    }),
  };
}

function sendersOf(request: RouteRequest, users: SimulateOptions['users']): RouteRequest[] {
  if (!users) return [request];
  const { header, count } = users;
  const rest = request.headers.filter(([name]) => name !== header);
  return Array.from({ length: count }, (_, index) => ({
    ...request,
    headers: [...rest, [header, `user-${index + 1}`]],
  }));
}

function countsOf(
  counts: ReadonlyMap<string, number>,
  total: number,
  intended: ReadonlyMap<string, number> | undefined,
): TargetCount[] {
  const names = new Set([...counts.keys(), ...(intended?.keys() ?? [])]);
  return [...names]
    .map((target): TargetCount => {
      const count = counts.get(target) ?? 0;
      const meant = intended?.get(target);
      return {
        target,
        count,
        percent: total === 0 ? 0 : (100 * count) / total,
        interval: wilsonInterval(count, total),
        ...(meant !== undefined && { intended: meant }),
      };
    })
    .sort((a, b) => b.count - a.count || (a.target < b.target ? -1 : 1));
}

/** What the weights say; undefined where a fault keeps some requests from their destination. */
function intendedOf(table: RouteTable, request: RouteRequest): Map<string, number> | undefined {
  const { route, outcomes } = createTester(table)(request);
  if (route?.fault?.abort) return undefined;
  const shares = new Map<string, number>();
  for (const { percent, decision } of outcomes) {
    if (decision.kind !== 'forward') return undefined;
    const name = targetName(decision.cluster);
    shares.set(name, (shares.get(name) ?? 0) + percent);
  }
  return shares;
}
