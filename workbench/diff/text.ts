/** A difference as people read it: on a terminal, and as Markdown for a pull request. */
import type { RuleOrigin } from '../../router/index.ts';
import { ruleName } from '../../router/route/explanation-text.ts';
import { type Client, clientName } from '../client.ts';
import { escapeMarkup } from '../markup.ts';
import { hostName } from '../name.ts';
import type { Flow } from './change.ts';
import type { Move, MoveSide, RuleDiff } from './index.ts';
import { urlPort } from './table-diff.ts';

/** How {@link diffText} prints. */
export interface DiffFormat {
  /** Terminal colours. Default false. */
  readonly color?: boolean;
}

/** Moves that are written out; the rest is counted. */
const MAX_LISTED = 100;

/** The difference in words, without a final line end. */
export function diffText(diff: RuleDiff, { color = false }: DiffFormat = {}): string {
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { moves, unknown, clusters, gateways } = diff;
  const lines: string[] = [];
  for (const move of moves.slice(0, MAX_LISTED)) {
    lines.push(paint(1, subjectOf(move, diff)));
    for (const line of effectsOf(move)) lines.push(`  ${paint(33, line)}`);
    lines.push(paint(2, `  ${rulesText(move)}`), `  ${exampleText(move)}`, '');
  }
  if (moves.length > MAX_LISTED) lines.push(`and ${moves.length - MAX_LISTED} more, see --json`, '');
  for (const move of unknown.slice(0, MAX_LISTED)) {
    lines.push(
      paint(1, subjectOf(move, diff)),
      `  ${paint(31, UNKNOWN)}`,
      paint(2, `  ${rulesText(move)}`),
      '',
    );
  }
  if (unknown.length > MAX_LISTED) lines.push(`and ${unknown.length - MAX_LISTED} more, see --json`, '');
  for (const { target, field, from, to, clients } of clusters)
    lines.push(`${paint(1, target)}: ${field} ${from} → ${to}${senderText(clients, diff)}`);
  for (const { gateway, field, from, to } of gateways)
    lines.push(`${paint(1, `gateway ${gateway}`)}: ${field} ${from} → ${to}`);
  if (clusters.length + gateways.length > 0) lines.push('');
  lines.push(verdictOf(diff));
  return lines.join('\n');
}

const UNKNOWN = 'not known whether any request moves: none was found that does, nor a proof that none does';

/** The difference as Markdown. */
export function diffMarkdown(diff: RuleDiff): string {
  const { moves, unknown, clusters, gateways } = diff;
  const lines = [`**${verdictOf(diff)}**`];
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const code = (text: string): string => `<code>${cell(escapeMarkup(text))}</code>`;
  if (moves.length > 0) {
    lines.push('', '| requests | what changes | for example |', '|---|---|---|');
    for (const move of moves.slice(0, MAX_LISTED))
      lines.push(
        `| ${cell(escapeMarkup(subjectOf(move, diff)))} | ${effectsOf(move)
          .map((line) => cell(escapeMarkup(line)))
          .join('<br>')} | ${code(exampleText(move))} |`,
      );
    if (moves.length > MAX_LISTED) lines.push('', `and ${moves.length - MAX_LISTED} more`);
  }
  if (unknown.length > 0) {
    lines.push(
      '',
      'Not known whether any request moves; none was found that does, nor a proof that none does:',
      '',
    );
    for (const move of unknown.slice(0, MAX_LISTED))
      lines.push(`- ${escapeMarkup(subjectOf(move, diff))}: ${escapeMarkup(rulesText(move))}`);
  }
  if (clusters.length > 0) {
    lines.push('', '| destination | field | old | new |', '|---|---|---|---|');
    for (const { target, field, from, to, clients } of clusters)
      lines.push(
        `| ${cell(escapeMarkup(`${target}${senderText(clients, diff)}`))} | ${field} | ${code(from)} | ${code(to)} |`,
      );
  }
  if (gateways.length > 0) {
    lines.push('', '| gateway | setting | old | new |', '|---|---|---|---|');
    for (const { gateway, field, from, to } of gateways)
      lines.push(`| ${cell(escapeMarkup(gateway))} | ${field} | ${code(from)} | ${code(to)} |`);
  }
  return lines.join('\n');
}

/** What is proved, in one line. */
export function verdictOf({ moves, unknown, clusters, gateways, isComplete }: RuleDiff): string {
  const parts = [
    ...(moves.length > 0
      ? [`${counted(moves.length, 'set')} of requests ${moves.length === 1 ? 'moves' : 'move'}`]
      : []),
    ...(unknown.length > 0 ? [`${counted(unknown.length, 'set')} could not be compared`] : []),
    ...(clusters.length > 0
      ? [
          `${counted(clusters.length, 'setting')} of destinations ${clusters.length === 1 ? 'changes' : 'change'}`,
        ]
      : []),
    ...(gateways.length > 0
      ? [`${counted(gateways.length, 'setting')} of gateways ${gateways.length === 1 ? 'changes' : 'change'}`]
      : []),
    ...(isComplete ? [] : ['not everything was compared']),
  ];
  return parts.length === 0 ? 'no request changes' : parts.join(', ');
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `shop: requests with header user = "admin"`. */
function subjectOf({ hosts, conditions, isRest, ports, clients }: Move, diff: RuleDiff): string {
  const [first = '*', ...more] = hosts.filter((host) => !isSpelling(host, hosts));
  const others = more.length === 0 ? '' : ` and ${counted(more.length, 'more host')}`;
  const what =
    conditions.length === 0
      ? `all ${isRest ? 'other ' : ''}requests`
      : `${isRest ? 'other ' : ''}requests with ${conditions.join(' and ')}`;
  const port = ports.length > 1 || ports[0] === 80 ? '' : ` on port ${ports[0]}`;
  return `${first === '*' ? 'hosts that no rule names' : hostName(first)}${others}: ${what}${port}${senderText(clients, diff)}`;
}

/** True for a shorter name of a service that is there in full. */
function isSpelling(host: string, hosts: readonly string[]): boolean {
  if (host.endsWith('.')) return hosts.includes(host.slice(0, -1));
  return hosts.some((other) => other.endsWith('.svc.cluster.local') && other.startsWith(`${host}.`));
}

/** Nothing where every client in the mesh is meant: that others come through a gateway is no news by itself. */
function senderText(clients: readonly Client[], { clients: all }: RuleDiff): string {
  const isOfMesh = ({ gateway }: Client): boolean => gateway === undefined;
  const inMesh = clients.filter(isOfMesh).length;
  if (clients.length === all.length || (inMesh > 0 && inMesh === all.filter(isOfMesh).length)) return '';
  const names = clients.map(clientName);
  return `, of ${names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')}`;
}

function effectsOf({ hosts, flows, changes, percent }: Move): string[] {
  const host = hostName(hosts[0] ?? '');
  return [
    ...flows.map((flow) => flowText(flow, host)),
    ...changes.map(
      ({ name, from, to }) => `${percent > 100 - 1e-9 ? '' : 'all of them: '}${name} ${to}, before ${from}`,
    ),
  ];
}

/** `all of them go to v2 instead of v1`. */
function flowText({ from, to, percent }: Flow, host: string): string {
  const share = percent > 100 - 1e-9 ? 'all of them' : `${Number(percent.toFixed(2))} % of them`;
  const isPlace = (text: string): boolean => !/^(?:no route|nowhere|redirect|answer) /.test(text);
  const short = (text: string): string =>
    (text.startsWith(`${host} `) ? text.slice(host.length + 1) : text).replaceAll(` and ${host} `, ' and ');
  const now = isPlace(to) ? `go to ${short(to)}` : `get ${to}`;
  if (isPlace(from) === isPlace(to)) return `${share} ${now} instead of ${short(from)}`;
  return `${share} ${now}, before ${isPlace(from) ? `they went to ${short(from)}` : `they got ${from}`}`;
}

function rulesText({ before, after }: Move): string {
  return `by ${sideText(before)}; now ${sideText(after)}`;
}

function sideText({ rule, outcome }: MoveSide): string {
  return rule ? placeOf(rule) : outcome;
}

function placeOf(rule: RuleOrigin): string {
  const place = rule.file === undefined ? '' : ` (${rule.file}:${rule.line ?? 1})`;
  return `${ruleName(rule)}${place}`;
}

function exampleText({ example }: Move): string {
  if (!example) return '';
  const { curl, client, request } = example;
  const { namespace, labels, gateway } = client;
  const isUsual =
    (namespace === undefined || namespace === 'default') && labels === undefined && gateway === undefined;
  const notes = [
    ...(urlPort(request) === request.port ? [] : [`explain --port ${request.port}`]),
    ...(isUsual ? [] : [`from ${clientName(client)}`]),
  ];
  return notes.length === 0 ? curl : `${curl}   # ${notes.join(', ')}`;
}
