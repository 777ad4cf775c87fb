/** Holds what happens to a request against what a test expects. Imports the router. */
import { parseClusterName } from '../../router/compile/cluster-name.ts';
import type { Decision, Destination, HeaderList, LocalReply } from '../../router/index.ts';
import { applyHeaderOperations, readable } from '../../router/index.ts';
import { abortReply } from '../../router/route/wire-reply.ts';
import { durationMs } from '../../router/schema/duration.ts';
import type { Fraction } from '../../router/table/route-table.ts';
import { isHost, isNamed } from '../name.ts';
import type { Outcome, Trial } from '../trial.ts';
import type { Expectation } from './schema.ts';

/** One thing that is not as expected. */
export interface Mismatch {
  /** As written in the test: `destination`, `headers.request.x-a`. */
  readonly field: string;
  readonly want: string;
  readonly got: string;
}

/** Everything in which the trial differs from what is expected; only what the expectation names is compared. */
export function mismatchesOf(trial: Trial, expect: Expectation): Mismatch[] {
  const found: Mismatch[] = [];
  const compare = (field: string, want: unknown, got: unknown, holds = want === got): void => {
    if (want !== undefined && !holds) found.push({ field, want: worded(want), got: worded(got) });
  };
  const rule = trial.outcomes[0]?.decision.rule;
  const ruleName = rule && `${rule.namespace}/${rule.name}`;
  const { virtualService } = expect;
  compare(
    'virtualService',
    virtualService,
    ruleName,
    ruleName === virtualService || rule?.name === virtualService,
  );
  compare('route', expect.route, trial.route?.name);
  if (expect.noRoute) compare('noRoute', true, splitText(trial.outcomes), isUnrouted(trial));
  compareDestinations(trial, expect, compare);
  compareRule(trial, expect, compare);
  for (const { decision } of trial.outcomes) compareDecision(readable(decision), expect, compare);
  return distinct(found);
}

type Compare = (field: string, want: unknown, got: unknown, holds?: boolean) => void;

/** Where Istio sends hosts that nobody knows, and those that it keeps from going anywhere. */
const NOWHERE: ReadonlySet<string> = new Set(['PassthroughCluster', 'BlackHoleCluster']);

function isUnrouted({ outcomes }: Trial): boolean {
  return outcomes.every(({ decision }) =>
    decision.kind === 'forward' ? NOWHERE.has(decision.cluster) : decision.flag === 'NR',
  );
}

function compareDestinations({ outcomes }: Trial, expect: Expectation, compare: Compare): void {
  const { destination, subset, port, weights, tolerance = 0 } = expect;
  const targets = outcomes.map(({ decision }) => decision.destination);
  const got = splitText(outcomes);
  const all = (holds: (target: Destination) => boolean): boolean =>
    targets.every((target) => target !== undefined && holds(target));
  compare(
    'destination',
    destination,
    got,
    all(({ host }) => isHost(destination ?? '', host)),
  );
  compare(
    'subset',
    subset,
    got,
    all((target) => target.subset === subset),
  );
  compare(
    'port',
    port,
    got,
    all((target) => target.port === port),
  );
  for (const [name, want] of Object.entries(weights ?? {})) {
    const share = outcomes
      .filter((_, index) => isNamed(name, targets[index]))
      .reduce((sum, { percent }) => sum + percent, 0);
    const holds = Math.abs(share - want) <= tolerance + 1e-9;
    const near = tolerance > 0 ? ` ± ${tolerance}` : '';
    compare(`weights.${name}`, `${want}${near} %`, `${rounded(share)} %`, holds);
  }
}

function compareDecision(decision: Decision, expect: Expectation, compare: Compare): void {
  const { rewrite, redirect, response, headers, timeout, retries } = expect;
  if (decision.kind === 'forward') {
    const { request, timeoutMs, retry } = decision;
    compare(
      'rewrite.uri',
      rewrite?.uri,
      request.path,
      rewrite?.uri === request.path || rewrite?.uri === bare(request.path),
    );
    compare('rewrite.authority', rewrite?.authority, request.authority);
    if (timeout !== undefined)
      compare('timeout', timeout, `${timeoutMs} ms`, durationMs(timeout) === timeoutMs);
    if (retries) {
      const { attempts, perTryTimeout, retryOn } = retries;
      compare('retries.attempts', attempts, retry?.attempts ?? 0);
      const perTryMs = retry?.perTryTimeoutMs ?? 0;
      if (perTryTimeout !== undefined)
        compare(
          'retries.perTryTimeout',
          perTryTimeout,
          `${perTryMs} ms`,
          durationMs(perTryTimeout) === perTryMs,
        );
      const own = retry?.retryOn.join(',') ?? '';
      compare('retries.retryOn', retryOn, own, sorted(retryOn ?? '') === sorted(own));
    }
    compareHeaders('headers.request', headers?.request, request.headers, compare);
  } else {
    for (const [field, want] of Object.entries({
      rewrite,
      timeout,
      retries,
      'headers.request': headers?.request,
    }))
      if (want !== undefined) compare(field, want, outcomeText(decision), false);
  }
  const reply = answerOf(decision);
  const location = reply?.headers.find(([name]) => name === 'location')?.[1];
  if (redirect) {
    compare('redirect.status', redirect.status, reply?.status ?? outcomeText(decision));
    compare('redirect.location', redirect.location, location ?? outcomeText(decision));
  }
  if (response) {
    compare('response.status', response.status, reply?.status ?? outcomeText(decision));
    const body = typeof reply?.body === 'string' ? reply.body : reply && new TextDecoder().decode(reply.body);
    compare('response.body', response.body, body ?? outcomeText(decision));
  }
  const changed = reply ? reply.headers : applyHeaderOperations([], decision.responseHeaders);
  const removed = decision.responseHeaders.filter(({ kind }) => kind === 'remove').map(({ name }) => name);
  for (const [name, want] of Object.entries(headers?.response ?? {})) {
    const lower = name.toLowerCase();
    const got = headerValue(changed, lower);
    if (want !== null) compare(`headers.response.${name}`, String(want), got);
    else {
      const isGone = got === undefined && (reply !== undefined || removed.includes(lower));
      compare(`headers.response.${name}`, 'removed', got ?? 'left as it is', isGone);
    }
  }
}

/** What is answered in place of an upstream: by an abort of every request, or by the rule. */
function answerOf(decision: Decision): Pick<LocalReply, 'status' | 'headers' | 'body'> | undefined {
  const { abort } = decision.fault ?? {};
  if (abort) return abortReply(decision, false, abort);
  return decision.kind === 'reply' ? decision : undefined;
}

function compareHeaders(
  field: string,
  wanted: Readonly<Record<string, string | number | null>> | undefined,
  headers: HeaderList,
  compare: Compare,
): void {
  for (const [name, want] of Object.entries(wanted ?? {})) {
    const got = headerValue(headers, name.toLowerCase());
    if (want === null) compare(`${field}.${name}`, 'absent', got, got === undefined);
    else compare(`${field}.${name}`, String(want), got);
  }
}

function headerValue(headers: HeaderList, name: string): string | undefined {
  const values = headers.filter(([each]) => each === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(',');
}

/** Faults and mirrors, whose chance is the rule's. */
function compareRule({ route }: Trial, { fault, mirror }: Expectation, compare: Compare): void {
  const own = route?.fault;
  if (fault === 'none') compare('fault', 'none', own, !own?.abort && !own?.delay);
  else if (fault) {
    const { delay, abort } = fault;
    const { fixedDelay, percentage } = delay ?? {};
    const delayMs = own?.delay?.delayMs;
    if (fixedDelay !== undefined)
      compare(
        'fault.delay.fixedDelay',
        fixedDelay,
        delayMs === undefined ? undefined : `${delayMs} ms`,
        durationMs(fixedDelay) === delayMs,
      );
    compareChance('fault.delay.percentage', percentage, own?.delay?.fraction, compare);
    const status = own?.abort?.status;
    compare(
      'fault.abort.httpStatus',
      abort?.httpStatus,
      status && 'httpStatus' in status ? status.httpStatus : undefined,
    );
    compare(
      'fault.abort.grpcStatus',
      abort?.grpcStatus,
      status && 'grpcStatus' in status ? status.grpcStatus : undefined,
    );
    compareChance('fault.abort.percentage', abort?.percentage, own?.abort?.fraction, compare);
  }
  if (mirror === undefined) return;
  const mirrors = route?.action.kind === 'forward' ? route.action.mirrors : [];
  const named = mirrors.flatMap(({ cluster, fraction }) => {
    const target = parseClusterName(cluster);
    return target ? [{ target, fraction }] : [];
  });
  const got = named.length === 0 ? undefined : named.map(({ target }) => nameOf(target)).join(', ');
  if (mirror === 'none') {
    compare('mirror', 'none', got, named.length === 0);
    return;
  }
  for (const want of [mirror].flat()) {
    const spec = typeof want === 'string' ? splitName(want) : want;
    const found = named.find(
      ({ target }) =>
        isHost(spec.host, target.host) &&
        (spec.subset === undefined || spec.subset === target.subset) &&
        (spec.port === undefined || spec.port === target.port),
    );
    compare('mirror', typeof want === 'string' ? want : nameOf(want), got, found !== undefined);
    if (found) compareChance('mirror.percentage', spec.percentage, found.fraction, compare);
  }
}

function compareChance(
  field: string,
  want: number | undefined,
  fraction: Fraction | undefined,
  compare: Compare,
): void {
  if (want === undefined) return;
  const got = fraction ? (100 * fraction.numerator) / fraction.denominator : 0;
  compare(field, `${want} %`, `${rounded(got)} %`, Math.abs(got - want) < 1e-4);
}

interface MirrorSpec {
  readonly host: string;
  readonly subset?: string | undefined;
  readonly port?: number | undefined;
  readonly percentage?: number | undefined;
}

function splitName(name: string): MirrorSpec {
  const [host = '', subset] = name.split('/');
  return { host, ...(subset !== undefined && { subset }) };
}

/** `reviews.default.svc.cluster.local/v2`. */
function nameOf({ host, subset }: { host: string; subset?: string | undefined }): string {
  return subset === undefined ? host : `${host}/${subset}`;
}

function splitText(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 1) return outcomeText(outcomes[0]!.decision);
  return outcomes.map(({ percent, decision }) => `${rounded(percent)} % ${outcomeText(decision)}`).join(', ');
}

/** `reviews.default.svc.cluster.local subset v2 port 80`, `HTTP 404 (NR)`. */
function outcomeText(decision: Decision): string {
  if (decision.kind === 'reply')
    return `HTTP ${decision.status}${decision.flag ? ` (${decision.flag})` : ''}`;
  const { destination, cluster } = decision;
  if (!destination) return cluster;
  return `${destination.host}${destination.subset ? ` subset ${destination.subset}` : ''} port ${destination.port}`;
}

const bare = (path: string): string => path.replace(/\?.*$/, '');
const sorted = (words: string): string =>
  words
    .split(',')
    .map((word) => word.trim())
    .sort()
    .join();
const rounded = (percent: number): number => Number(percent.toFixed(2));

function worded(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function distinct(mismatches: readonly Mismatch[]): Mismatch[] {
  const byText = new Map(mismatches.map((each) => [`${each.field} ${each.got}`, each]));
  return [...byText.values()];
}
