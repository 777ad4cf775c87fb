/** Prints an explanation for people. Imports table types alone. */
import type { HashPolicy } from '../table/cluster.ts';
import type {
  Decision,
  Forward,
  HeaderOperation,
  LocalReply,
  Mirror,
  RetryPolicy,
  RuleOrigin,
} from '../table/decision.ts';
import type { Explanation, RuleTrial } from '../table/explanation.ts';
import type { HeaderList, RouteRequest } from '../table/request.ts';
import { abortText } from './explain.ts';
import { readable } from './readable.ts';

/** How {@link formatExplanation} prints. */
export interface ExplanationFormat {
  /** Terminal colours. Default false. */
  readonly color?: boolean;
}

/** Rules that failed before the one taken are listed up to this number, the rest counted. */
const MAX_LISTED = 50;

/**
 * The account as lines of text, without a final line end: the virtual host and why, each rule tried with what
 * failed, and what happens to the request.
 */
export function formatExplanation(account: Explanation, format: ExplanationFormat = {}): string {
  const explanation = readable(account);
  const paint = painter(format.color ?? false);
  return [
    ...hostLines(explanation, paint),
    ...ruleLines(explanation.tried, paint),
    ...outcomeLines(explanation, paint),
  ].join('\n');
}

interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

function painter(color: boolean): Paint {
  const code = (number: number) => (text: string) => (color ? `\u001b[${number}m${text}\u001b[0m` : text);
  return { bold: code(1), dim: code(2), good: code(32), bad: code(31) };
}

function hostLines({ virtualHost }: Explanation, paint: Paint): string[] {
  if (!virtualHost) return [paint.bad('No virtual host takes the request')];
  return [`Virtual host ${paint.bold(virtualHost.name)}: ${virtualHost.why}`];
}

function ruleLines(tried: readonly RuleTrial[], paint: Paint): string[] {
  const last = tried.at(-1);
  const failed = tried.filter(({ matched }) => !matched);
  const listed = failed.slice(0, MAX_LISTED);
  const lines = listed.flatMap((trial) => trialLines(trial, paint));
  if (failed.length > listed.length)
    lines.push(paint.dim(`  … and ${failed.length - listed.length} more rules that do not match`));
  if (last?.matched) lines.push(...trialLines(last, paint));
  else if (tried.length > 0) lines.push(paint.bad('  No rule matches'));
  return lines;
}

function trialLines({ rule, route, matched, failed }: RuleTrial, paint: Paint): string[] {
  const name = rule ? ruleName(rule) : `route ${route ?? ''}, made without a rule`;
  const label = rule && route ? ` '${route}'` : '';
  const place = rule?.file === undefined ? '' : paint.dim(` ${rule.file}:${rule.line ?? 1}`);
  const via = rule?.via ? ` via ${ruleName(rule.via)}` : '';
  if (matched) return [`  ${paint.good('✓')} ${paint.bold(name)}${label}${via}${place}`];
  const head = `  ${paint.bad('✗')} ${name}${label}${via}${place}`;
  return failed ? [head, `      ${failed.field} is ${failed.got}, wanted ${failed.want}`] : [head];
}

/** A rule, or one match of it: `VirtualService default/shop http[1].match[0]`. */
export function ruleName({ kind, namespace, name, index, matchIndex }: RuleOrigin): string {
  const match = matchIndex === undefined ? '' : `.match[${matchIndex}]`;
  const place = index === undefined ? '' : ` http[${index}]${match}`;
  return `${kind} ${namespace}/${name}${place}`;
}

function outcomeLines(explanation: Explanation, paint: Paint): string[] {
  const { request, outcomes, chances = [], extensions = [] } = explanation;
  const split = outcomes.length > 1;
  return [
    ...outcomes.flatMap(({ percent, decision }) => {
      const [head = '', ...details] = decisionLines(decision, request);
      const share = split ? `${percentText(percent)} ` : '';
      return [`  → ${paint.bold(`${share}${head}`)}`, ...details.map((line) => `      ${line}`)];
    }),
    ...chances.map(({ percent, what }) => `  ~ ${percentText(percent)} of requests: ${plainTargets(what)}`),
    ...extensions.map((each) => `  + ${each}`),
  ];
}

function percentText(percent: number): string {
  return `${Number(percent.toFixed(4))}%`;
}

function decisionLines(decision: Decision, asked: RouteRequest | undefined): string[] {
  const fault = faultLines(decision);
  if (decision.fault?.abort) {
    const [first = '', ...rest] = fault.reverse();
    return [`${first}, the upstream is not asked`, ...rest];
  }
  return decision.kind === 'forward'
    ? [...forwardLines(decision, asked), ...fault]
    : [...replyLines(decision), ...fault];
}

/** Where Istio's sidecars send hosts that nobody knows. */
const PASSTHROUGH = 'PassthroughCluster';
const PASSTHROUGH_NOTE =
  'no rule or service has the host: a sidecar passes it to the address that its client dialled; a gateway, which knows none, answers 404';

const CHOSEN: Readonly<Record<NonNullable<Forward['chosenBy']>, string>> = {
  'sticky-split': "by the request's key, not by chance",
  preview: 'named by the client, whatever the weights say',
};

function forwardLines(decision: Forward, asked: RouteRequest | undefined): string[] {
  const { destination, request, timeoutMs, retry, hashPolicy = [] } = decision;
  const target = destination
    ? `${destination.host}${destination.subset ? ` subset ${destination.subset}` : ''} port ${destination.port}`
    : decision.cluster;
  return [
    `to ${target}`,
    `sent as ${request.method} ${request.path} for ${request.authority}`,
    ...(asked ? headerChangeLines(asked.headers, request.headers) : []),
    `${timeoutMs === 0 ? 'no timeout' : `timeout ${timeoutMs} ms`}, ${retryText(retry)}`,
    ...(hashPolicy.length > 0
      ? [`endpoint by the hash of ${[...new Set(hashPolicy.map(hashText))].join(', then ')}`]
      : []),
    ...(decision.cluster === PASSTHROUGH ? [PASSTHROUGH_NOTE] : []),
    ...operationLines(decision.responseHeaders),
    ...(decision.chosenBy ? [CHOSEN[decision.chosenBy]] : []),
    ...decision.mirrors.map((mirror) => mirrorText(mirror, request)),
    ...(decision.corsHeaders ? [`cross-origin: ${headerText(decision.corsHeaders)}`] : []),
  ];
}

function retryText(retry: RetryPolicy | undefined): string {
  if (!retry) return 'no retries';
  const { attempts, retryOn, statusCodes, perTryTimeoutMs, backoffMs, avoidPreviousHosts } = retry;
  const codes = statusCodes.length > 0 ? ` (${statusCodes.join(', ')})` : '';
  return [
    `up to ${attempts} ${attempts === 1 ? 'retry' : 'retries'} on ${retryOn.join(',')}${codes}`,
    ...(perTryTimeoutMs === 0 ? [] : [`each try at most ${perTryTimeoutMs} ms`]),
    ...(backoffMs === USUAL_BACKOFF_MS ? [] : [`back-off from ${backoffMs} ms`]),
    ...(avoidPreviousHosts ? [] : ['of the same endpoint too']),
  ].join(', ');
}

/** Envoy's. */
const USUAL_BACKOFF_MS = 25;

function hashText(policy: HashPolicy): string {
  switch (policy.kind) {
    case 'header':
      return `header ${policy.name}`;
    case 'query':
      return `query parameter ${policy.name}`;
    case 'source-ip':
      return "the client's address";
    case 'none':
      return 'nothing';
    case 'cookie': {
      const { name, ttlMs, path } = policy;
      if (ttlMs === undefined) return `cookie ${name}`;
      const lasting = ttlMs === 0 ? "for the client's session" : `for ${ttlMs} ms`;
      return `cookie ${name}, which is set ${lasting}${path ? ` at ${path}` : ''} where there is none`;
    }
  }
}

/** Where a copy goes, and what it is where that is not what the request is. */
function mirrorText({ cluster, authority, path }: Mirror, request: Forward['request']): string {
  const changes = [
    ...(path === request.path ? [] : [path]),
    ...(authority === request.authority ? [] : [`for ${authority}`]),
  ];
  return `copied to ${plainTargets(cluster)}${changes.length > 0 ? ` as ${changes.join(' ')}` : ''}`;
}

/** Names of clusters as {@link forwardLines} tells them. */
function plainTargets(text: string): string {
  return text.replaceAll(
    /\boutbound\|(\d+)\|([^|\s]*)\|([^|\s]+)/g,
    (_, port: string, subset: string, host: string) =>
      `${host}${subset === '' ? '' : ` subset ${subset}`} port ${port}`,
  );
}

function replyLines({ status, headers, grpc, flag, reason, body }: LocalReply): string[] {
  const told = grpc
    ? `gRPC status ${grpc.status}${grpc.message ? ` "${grpc.message}"` : ''}`
    : `HTTP ${status}`;
  return [
    `answered with ${told}${flag ? ` (${flag})` : ''}`,
    reason,
    ...(headers.length > 0 ? [`headers: ${headerText(headers)}`] : []),
    ...(body.length > 0 ? [bodyText(body)] : []),
  ];
}

function bodyText(body: string | Uint8Array): string {
  if (typeof body === 'string' && body.length <= MAX_BODY) return `body: ${JSON.stringify(body)}`;
  const size = typeof body === 'string' ? new TextEncoder().encode(body).length : body.length;
  return `body of ${size} bytes`;
}

/** Longer ones are told by their size. */
const MAX_BODY = 200;

function faultLines({ fault }: Decision): string[] {
  return [
    ...(fault?.delayMs === undefined ? [] : [`fault: delayed by ${fault.delayMs} ms first`]),
    ...(fault?.abort ? [`fault: aborted with ${abortText(fault.abort)}`] : []),
  ];
}

/** By name, so that it can be read beside the rule: what a repeat adds is told with the values that were there. */
function headerChangeLines(before: HeaderList, after: HeaderList): string[] {
  const valuesOf = (headers: HeaderList, name: string): string[] =>
    headers.flatMap(([each, value]) => (each === name ? [value] : []));
  const names = [...new Set([...after, ...before].map(([name]) => name))];
  const texts = names.flatMap((name) => {
    const [was, is] = [valuesOf(before, name), valuesOf(after, name)];
    if (is.length === 0) return [`remove ${name}`];
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    const isAdded = was.length > 0 && was.every((value, index) => is[index] === value);
    return isAdded
      ? is.slice(was.length).map((value) => `add ${name}: ${value}`)
      : [`set ${name}: ${is.join(', ')}`];
  });
  return texts.length > 0 ? [`request headers: ${texts.join('; ')}`] : [];
}

function operationLines(operations: readonly HeaderOperation[]): string[] {
  if (operations.length === 0) return [];
  const texts = operations.map((each) =>
    each.kind === 'remove' ? `remove ${each.name}` : `${each.kind} ${each.name}: ${each.value}`,
  );
  return [`response headers: ${texts.join('; ')}`];
}

function headerText(headers: readonly (readonly [string, string])[]): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join('; ');
}
