/** Prints an explanation for people. Imports table types alone. */
import type { Decision, Forward, HeaderOperation, LocalReply, RuleOrigin } from '../table/decision.ts';
import type { Explanation, RuleTrial } from '../table/explanation.ts';
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
  if (matched) return [`  ${paint.good('✓')} ${paint.bold(name)}${label}${place}`];
  const head = `  ${paint.bad('✗')} ${name}${label}${place}`;
  return failed ? [head, `      ${failed.field} is ${failed.got}, wanted ${failed.want}`] : [head];
}

/** A rule, or one match of it: `VirtualService default/shop http[1].match[0]`. */
export function ruleName({ kind, namespace, name, index, matchIndex }: RuleOrigin): string {
  const match = matchIndex === undefined ? '' : `.match[${matchIndex}]`;
  const place = index === undefined ? '' : ` http[${index}]${match}`;
  return `${kind} ${namespace}/${name}${place}`;
}

function outcomeLines({ outcomes, chances = [], extensions = [] }: Explanation, paint: Paint): string[] {
  const split = outcomes.length > 1;
  return [
    ...outcomes.flatMap(({ percent, decision }) => {
      const [head = '', ...details] = decisionLines(decision);
      const share = split ? `${percentText(percent)} ` : '';
      return [`  → ${paint.bold(`${share}${head}`)}`, ...details.map((line) => `      ${line}`)];
    }),
    ...chances.map(({ percent, what }) => `  ~ ${percentText(percent)} of requests: ${what}`),
    ...extensions.map((each) => `  + ${each}`),
  ];
}

function percentText(percent: number): string {
  return `${Number(percent.toFixed(4))}%`;
}

function decisionLines(decision: Decision): string[] {
  const fault = faultLines(decision);
  if (decision.fault?.abort) {
    const [first = '', ...rest] = fault.reverse();
    return [`${first}, the upstream is not asked`, ...rest];
  }
  return decision.kind === 'forward'
    ? [...forwardLines(decision), ...fault]
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

function forwardLines(decision: Forward): string[] {
  const { destination, request, timeoutMs, retry } = decision;
  const target = destination
    ? `${destination.host}${destination.subset ? ` subset ${destination.subset}` : ''} port ${destination.port}`
    : decision.cluster;
  const retries = retry ? `up to ${retry.attempts} retries on ${retry.retryOn.join(',')}` : 'no retries';
  return [
    `to ${target}`,
    `sent as ${request.method} ${request.path} for ${request.authority}`,
    `${timeoutMs === 0 ? 'no timeout' : `timeout ${timeoutMs} ms`}, ${retries}`,
    ...(decision.cluster === PASSTHROUGH ? [PASSTHROUGH_NOTE] : []),
    ...operationLines(decision.responseHeaders),
    ...(decision.chosenBy ? [CHOSEN[decision.chosenBy]] : []),
    ...decision.mirrors.map(({ cluster }) => `copied to ${cluster}`),
    ...(decision.corsHeaders ? [`cross-origin: ${headerText(decision.corsHeaders)}`] : []),
  ];
}

function replyLines({ status, headers, grpc, flag, reason, body }: LocalReply): string[] {
  const told = grpc
    ? `gRPC status ${grpc.status}${grpc.message ? ` "${grpc.message}"` : ''}`
    : `HTTP ${status}`;
  const size = typeof body === 'string' ? new TextEncoder().encode(body).length : body.length;
  return [
    `answered with ${told}${flag ? ` (${flag})` : ''}`,
    reason,
    ...(headers.length > 0 ? [`headers: ${headerText(headers)}`] : []),
    ...(size > 0 ? [`body of ${size} bytes`] : []),
  ];
}

function faultLines({ fault }: Decision): string[] {
  return [
    ...(fault?.delayMs === undefined ? [] : [`fault: delayed by ${fault.delayMs} ms first`]),
    ...(fault?.abort ? [`fault: aborted with ${abortText(fault.abort)}`] : []),
  ];
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
