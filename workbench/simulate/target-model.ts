/** How well and how quickly a destination answers in a simulation. Imports the router. */
import { parseClusterName } from '../../router/compile/cluster-name.ts';
import { type Forward, isGrpcContentType, type RouteRequest, type RouteTable } from '../../router/index.ts';
import { backoffMs } from '../../router/policy/backoff.ts';
import { retriesAnswer, retriesReset, retryConditionsOf } from '../../router/policy/retry.ts';
import { durationMs } from '../../router/schema/duration.ts';
import { isNamed, targetName } from '../name.ts';
import type { Chance } from './random.ts';

/** See {@link parseTargetModel}. */
export interface TargetModel {
  /** `SUBSET`, `HOST`, or `HOST/SUBSET`. */
  readonly name: string;
  /** Share of tries that are answered with {@link status}. */
  readonly fail: number;
  /** Default 503. */
  readonly status: number;
  /** Share of tries whose connection is refused. */
  readonly refuse: number;
  /** Each try takes a time between these. */
  readonly latencyMs: readonly [least: number, most: number];
}

/** The destinations of the rules, as `shop v2`, where the model is of none of them; undefined where it is of one. */
export function othersThan({ name }: TargetModel, table: RouteTable): string[] | undefined {
  const clusters = [...table.listeners, table.fallback]
    .flatMap(({ virtualHosts }) => virtualHosts)
    .flatMap(({ routes }) => routes)
    .flatMap(({ action }) => (action.kind === 'forward' ? action.destinations : []))
    .map(({ cluster }) => cluster);
  if (clusters.some((each) => isNamed(name, parseClusterName(each)))) return undefined;
  return [...new Set(clusters.filter((each) => parseClusterName(each)).map(targetName))].sort();
}

/** What came of a request with all its tries. */
export interface Answer {
  readonly status: number;
  readonly tookMs: number;
  readonly tries: number;
}

/**
 * A model as people write it: `v2:fail=5%,latency=20ms..80ms`, `shop/v2:refuse=1%`, `v2:fail=1%,status=500`. A text
 * that is none gives the reason in words.
 */
export function parseTargetModel(text: string): TargetModel | string {
  const colon = text.lastIndexOf(':');
  if (colon < 1) return 'write it like v2:fail=5%,latency=20ms';
  const model = {
    name: text.slice(0, colon),
    fail: 0,
    status: 503,
    refuse: 0,
    latencyMs: [0, 0] as [number, number],
  };
  for (const part of text.slice(colon + 1).split(',')) {
    const [, key, value = ''] = /^(\w+)=(.+)$/.exec(part) ?? [];
    switch (key) {
      case 'fail':
      case 'refuse': {
        const percent = Number(/^([\d.]+)%$/.exec(value)?.[1]);
        if (!(percent >= 0 && percent <= 100)) return `"${value}" is no percentage like 5%`;
        model[key] = percent / 100;
        break;
      }
      case 'status':
        if (!/^[2-5]\d\d$/.test(value)) return `"${value}" is no HTTP status`;
        model.status = Number(value);
        break;
      case 'latency': {
        const [least, most = least] = value.split('..').map(durationMs);
        if (least === undefined || most === undefined || least < 0 || most < least)
          return `"${value}" is no time like 20ms or 20ms..80ms`;
        model.latencyMs = [least, most];
        break;
      }
      default:
        return `"${part}" is none of fail=, refuse=, status= and latency=`;
    }
  }
  if (model.fail + model.refuse > 1) return 'fail and refuse are more than 100% together';
  return model;
}

const TIMEOUT = 504;
const UNREACHABLE = 503;

/** Carries out a decision against the model: tries, waits between them, and the rule's time limits. */
export function answerOf(
  decision: Forward,
  request: RouteRequest,
  model: TargetModel,
  chance: Chance,
): Answer {
  const { retry, timeoutMs } = decision;
  const conditions = retry && retryConditionsOf(retry);
  const limitMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs;
  const perTryMs = retry?.perTryTimeoutMs ? retry.perTryTimeoutMs : Number.POSITIVE_INFINITY;
  const isGrpc = request.headers.some(([name, value]) => name === 'content-type' && isGrpcContentType(value));
  let atMs = 0;
  for (let tries = 1; ; tries++) {
    const [least, most] = model.latencyMs;
    const drawn = chance.next();
    const isRefused = drawn < model.refuse;
    const isFailed = !isRefused && drawn < model.refuse + model.fail;
    const ownMs = isRefused ? 0 : least + (most - least) * chance.next();
    const isSlow = ownMs > perTryMs;
    atMs += isSlow ? perTryMs : ownMs;
    if (atMs > limitMs) return { status: TIMEOUT, tookMs: limitMs, tries };
    if (!isRefused && !isFailed && !isSlow) return { status: 200, tookMs: atMs, tries };
    const isRetried =
      conditions !== undefined &&
      tries <= retry!.attempts &&
      (isRefused
        ? retriesReset(conditions, 'remote-connection-failure')
        : isSlow
          ? retriesReset(conditions, 'local-reset')
          : retriesAnswer(conditions, isGrpc ? 200 : model.status, isGrpc ? UNAVAILABLE : []));
    if (!isRetried)
      return { status: isRefused ? UNREACHABLE : isSlow ? TIMEOUT : model.status, tookMs: atMs, tries };
    atMs += backoffMs(tries - 1, retry!.backoffMs, chance.below);
    if (atMs > limitMs) return { status: TIMEOUT, tookMs: limitMs, tries };
  }
}

const UNAVAILABLE = [['grpc-status', '14']] as const;
