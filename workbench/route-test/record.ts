/**
 * Route tests made of rules as they are: for requests that somebody sent, or for one request of each rule. They say
 * what the rules do, not whether that is right, so that the next change shows. Imports the workbench.
 */
import { type Forward, type RouteRequest, type RouteTable, readable } from '../../router/index.ts';
import { ruleName } from '../../router/route/explanation-text.ts';
import { boundGateways } from '../assumed-gateway.ts';
import { type Client, clientsOf } from '../client.ts';
import { createArrival, createTry } from '../client-trial.ts';
import { diffTables } from '../diff/table-diff.ts';
import { hostName } from '../name.ts';
import { portsOf, type RuleSet } from '../rule-set.ts';
import type { Trial } from '../trial.ts';
import type { Expectation, RequestSpec, RouteTestDocument } from './schema.ts';

/** A request to record, with who sends it. */
export interface Recorded {
  readonly request: RouteRequest;
  readonly client: Client;
}

/** Requests of one test, at most: more of a kind prove no more. */
const MAX_REQUESTS = 10;

/** Tests for the requests, one for each rule and outcome. */
export function recordTests(rules: RuleSet, requests: Iterable<Recorded>): RouteTestDocument {
  const attempt = createTry(rules);
  const asked = headersAsked(rules);
  const groups = new Map<string, { name: string; expect: Expectation; requests: Map<string, RequestSpec> }>();
  for (const { request, client } of requests) {
    const trial = attempt(request, client);
    const expect = expectationOf(trial);
    const rule = trial.route?.origin;
    const name = rule ? ruleName(rule) : `${hostName(request.authority)}: no rule`;
    const id = JSON.stringify([name, expect]);
    const group = groups.get(id) ?? { name, expect, requests: new Map() };
    groups.set(id, group);
    const spec = specOf(request, client, asked);
    if (group.requests.size < MAX_REQUESTS) group.requests.set(JSON.stringify(spec), spec);
  }
  return {
    tests: [...groups.values()].map(({ name, expect, requests: own }) => {
      const [first, ...more] = own.values();
      return { name, ...(more.length > 0 ? { requests: [first!, ...more] } : { request: first! }), expect };
    }),
  };
}

/**
 * A log does not tell who sent its requests: from the mesh where a rule takes them there, else through the first
 * gateway, by name, where one does, or that sends them to https; from the mesh where nothing is done anywhere.
 */
export function* requestsOfLog(rules: RuleSet, logged: Iterable<RouteRequest>): Generator<Recorded> {
  const attempt = createTry(rules);
  const arriving = createArrival(rules);
  const clients: Client[] = [{}, ...boundGateways(rules.resources).map((gateway) => ({ gateway }))];
  for (const request of logged) {
    const sent = clients.map((client): Recorded => ({ client, request: arriving(request, client) }));
    const trials = sent.map((each) => attempt(each.request, each.client));
    const taken = trials.findIndex(({ route }) => route?.origin !== undefined);
    const redirected = trials.findIndex(({ virtualHost }) => virtualHost?.httpsRedirect);
    yield sent[taken !== -1 ? taken : Math.max(redirected, 0)]!;
  }
}

/** A request for every rule and match that any client can get to; those too complex to find one for are left out. */
export function* requestsOfRules(rules: RuleSet): Generator<Recorded> {
  const seen = new Set<string>();
  for (const client of clientsOf(rules.resources).clients) {
    const before = rules.tableFor(client, portsOf(rules.resources));
    // Against no rules at all every route's requests move.
    for (const { move, example } of diffTables({ before, after: withoutHosts(before) }, workspace())) {
      const { origin } = move.before.route ?? {};
      const key = JSON.stringify(origin && ruleName(origin));
      if (!example || !origin || seen.has(key)) continue;
      seen.add(key);
      yield {
        request: example,
        client: client.namespace === 'default' && !client.labels && !client.gateway ? {} : client,
      };
    }
  }
}

const workspace = () => ({ steps: 20_000_000, automata: new Map() });

function withoutHosts(table: RouteTable): RouteTable {
  const empty = (listener: RouteTable['fallback']) => ({ ...listener, virtualHosts: [] });
  return { ...table, listeners: table.listeners.map(empty), fallback: empty(table.fallback) };
}

/** Names of the headers that some rule looks at: of a request, only these are worth keeping. */
function headersAsked(rules: RuleSet): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { kind, spec } of rules.resources) {
    if (kind !== 'VirtualService') continue;
    for (const { match = [] } of spec.http ?? [])
      for (const { headers = {}, withoutHeaders = {} } of match)
        for (const name of [...Object.keys(headers), ...Object.keys(withoutHeaders)])
          names.add(name.toLowerCase());
  }
  return names;
}

function specOf(request: RouteRequest, client: Client, asked: ReadonlySet<string>): RequestSpec {
  const {
    scheme,
    authority,
    path,
    method,
    port,
    headers: sent,
  } = readable({
    ...request,
    path: escapedPath(request.path),
  });
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of sent) {
    if (!asked.has(name)) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  const ownPort = Number(/:(\d+)$/.exec(authority)?.[1] ?? (scheme === 'https' ? 443 : 80));
  return {
    url: `${scheme === 'https' ? 'https' : 'http'}://${authority}${path}`,
    ...(method !== 'GET' && { method }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(port !== ownPort && { port }),
    ...(Object.keys(client).length > 0 && { from: client }),
  };
}

/** As Envoy makes it of one that only HTTP/2 can carry. */
function escapedPath(path: string): string {
  return path.replace(/^[^?]*/, (bare) =>
    bare.replaceAll(/[^ -~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`),
  );
}

/** What a test is to say of an outcome: where requests go or what answers them, and the rule's limits. */
function expectationOf({ outcomes }: Trial): Expectation {
  const [first] = outcomes;
  const decision = readable(first!.decision);
  const { abort } = decision.fault ?? {};
  if (abort) {
    if ('httpStatus' in abort) return { response: { status: abort.httpStatus } };
    return { fault: { abort: { grpcStatus: abort.grpcStatus, percentage: 100 } } };
  }
  if (decision.kind === 'reply') {
    if (decision.flag === 'NR') return { noRoute: true };
    const location = decision.headers.find(([name]) => name === 'location')?.[1];
    if (location !== undefined) return { redirect: { status: decision.status, location } };
    return { response: { status: decision.status } };
  }
  const { destination } = decision;
  if (!destination) return { noRoute: true };
  if (outcomes.length === 1) {
    const { host, subset } = destination;
    return { destination: hostName(host), ...(subset !== undefined && { subset }), ...limitsOf(decision) };
  }
  const weights: Record<string, number> = {};
  for (const { percent, decision: each } of outcomes) {
    const target = each.kind === 'forward' ? each.destination : undefined;
    if (!target) continue;
    const name = `${hostName(target.host)}${target.subset === undefined ? '' : `/${target.subset}`}`;
    weights[name] = Number(((weights[name] ?? 0) + percent).toFixed(4));
  }
  return { weights, ...limitsOf(decision) };
}

function limitsOf({ timeoutMs }: Forward): Expectation {
  return timeoutMs === 0 ? {} : { timeout: `${timeoutMs}ms` };
}
