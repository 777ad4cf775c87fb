/** Pairs of rule sets and, for each, all moves that a small universe of clients and requests shows. */
import assert from 'node:assert/strict';
import {
  compile,
  createReferenceRouter,
  type RouteRequest,
  type Router,
  type ValidResource,
} from '../../../router/index.ts';
import type { HTTPRoute } from '../../../router/schema/virtual-service.ts';
import { assumedServices } from '../../../workbench/assumed-service.ts';
import { type Client, clientsOf, proxyOf } from '../../../workbench/client.ts';
import { diffRules, type Move, type RuleDiff } from '../../../workbench/diff/index.ts';
import { portsOf } from '../../../workbench/rule-set.ts';
import { generateRequest, generateSender, generateVirtualService } from '../../router/lint/generate.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';
import { fatesOf } from './decision.ts';

const SUBSETS = ['v1', 'v2', 'v3'];

/** What a comparison of one pair has seen. */
export interface Seen {
  readonly moves: number;
  readonly unknown: number;
  /** How many requests moved. */
  readonly moved: number;
}

/** Compares the pair of a seed; throws where the difference claims too much or too little. */
export function comparePair(seed: number, requests: number): Seen {
  const draws = createDraws(seed);
  const old = withOutcomes(draws, generateVirtualService(draws, 'vs', []));
  const before = [old, destinationRule(draws)];
  const after = [changed(draws, old), draws.oneIn(5) ? destinationRule(draws) : before[1]!];
  const diff = diffRules(before, after);
  const both = [...before, ...after];
  const ports = portsOf(both);
  const services = assumedServices(both, ports);
  const { clients } = clientsOf(both);
  const routers = new Map<string, Sides>();
  const sidesOf = (client: Client): Sides => {
    const key = JSON.stringify(client);
    const router = (own: readonly ValidResource[]): Router =>
      createReferenceRouter(compile(own, { services, proxy: proxyOf(client) }).table);
    const sides = routers.get(key) ?? { before: router(before), after: router(after) };
    routers.set(key, sides);
    return sides;
  };
  for (const move of diff.moves) {
    const { request, client } = move.example!;
    const where = () => `seed ${seed}: ${JSON.stringify([client, request, move.before, move.after])}`;
    const sides = sidesOf(client);
    assert.deepEqual(rulesOf(sides, request), claimOf(move), where());
    assert.notEqual(fatesOf(sides.before, request), fatesOf(sides.after, request), where());
  }
  let moved = 0;
  for (let count = 0; count < requests; count++) {
    const request = { ...generateRequest(draws), port: draws.pick(ports) };
    const client = sortOf(generateSender(draws), clients);
    const sides = sidesOf(client);
    const fates = [fatesOf(sides.before, request), fatesOf(sides.after, request)];
    if (fates[0] === fates[1]) continue;
    moved++;
    const rules = rulesOf(sides, request);
    assert.ok(
      isTold(diff, rules, request.port, client),
      `seed ${seed}: nothing says that ${JSON.stringify(rules)} moves with ${JSON.stringify([client, request, ...fates])}`,
    );
  }
  for (const move of diff.moves) {
    if (move.isRest) continue;
    // No earlier rule is said to take some: whoever fulfils what both rules ask for is taken by both.
    for (const client of move.clients.slice(0, 2)) {
      const options = { services, proxy: proxyOf(client) };
      const alone = [
        compile([onlyRule(before[0]!, move.before.rule)], options).table,
        compile([onlyRule(after[0]!, move.after.rule)], options).table,
      ].map(createReferenceRouter);
      for (let count = 0; count < 10; count++) {
        const request = { ...generateRequest(draws), port: draws.pick(move.ports) };
        if (alone.some((router) => router.route(request, () => 0).rule === undefined)) continue;
        assert.deepEqual(
          rulesOf(sidesOf(client), request),
          claimOf(move),
          `seed ${seed}: ${JSON.stringify([client, request])} is not one of ${move.conditions.join(' and ')}`,
        );
      }
    }
  }
  return { moves: diff.moves.length, unknown: diff.unknown.length, moved };
}

/** The resource with one rule that has one match; without a rule, one that takes all. */
function onlyRule(resource: ValidResource, rule: Move['before']['rule']): ValidResource {
  assert.equal(resource.kind, 'VirtualService');
  const route = [{ destination: { host: 'greeter' } }];
  const match = rule && resource.spec.http?.[rule.index!]?.match?.[rule.matchIndex!];
  return { ...resource, spec: { ...resource.spec, http: [{ ...(match && { match: [match] }), route }] } };
}

interface Sides {
  readonly before: Router;
  readonly after: Router;
}

function destinationRule(draws: Draws): ValidResource {
  const names = draws.oneIn(3) ? SUBSETS.filter(() => !draws.oneIn(3)) : SUBSETS;
  const subsets = names.map((name) => ({ name, labels: { version: name } }));
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'greeter', namespace: 'default' },
    spec: { host: 'greeter', subsets },
  };
}

/** Which of the clients that rules tell apart the sender is one of. */
function sortOf({ namespace, app }: ReturnType<typeof generateSender>, clients: readonly Client[]): Client {
  const named = clients.some((each) => each.namespace === namespace) ? namespace : 'elsewhere';
  const isOf = (label: string | undefined) => (each: Client) =>
    each.namespace === named && each.labels?.['app'] === label;
  return clients.find(isOf(app)) ?? clients.find(isOf(undefined))!;
}

/** Places of the rules that take a request. */
function rulesOf({ before, after }: Sides, request: RouteRequest): string[] {
  return [before, after].map((router) => placeOf(router.route(request, () => 0).rule));
}

function claimOf(move: Move): string[] {
  return [placeOf(move.before.rule), placeOf(move.after.rule)];
}

function placeOf(rule: { index?: number; matchIndex?: number } | undefined): string {
  return rule ? `${rule.index}.${rule.matchIndex}` : 'none';
}

function isTold(
  { moves, unknown }: RuleDiff,
  rules: readonly string[],
  port: number,
  client: Client,
): boolean {
  return [...moves, ...unknown].some(
    (move) =>
      claimOf(move).join() === rules.join() &&
      move.ports.includes(port) &&
      move.clients.some((each) => JSON.stringify(each) === JSON.stringify(client)),
  );
}

type VirtualService = ReturnType<typeof generateVirtualService>;

/** What is to be done, drawn for each rule. */
function withOutcomes(draws: Draws, resource: VirtualService): VirtualService {
  const http = (resource.spec.http ?? []).map(({ match }) => ({
    ...(match && { match }),
    ...drawAction(draws),
  }));
  return { ...resource, spec: { ...resource.spec, http } };
}

function drawAction(draws: Draws): Omit<HTTPRoute, 'match'> {
  const headers = draws.oneIn(4) ? { headers: drawHeaders(draws) } : {};
  switch (draws.below(9)) {
    case 0:
      return { redirect: drawRedirect(draws), ...headers };
    case 1:
      return { directResponse: drawResponse(draws), ...headers };
    default:
      return { ...drawForward(draws), ...headers };
  }
}

function drawForward(draws: Draws): Omit<HTTPRoute, 'match'> {
  const some = (times: number) => draws.oneIn(times);
  const count = draws.pick([1, 1, 2, 3]);
  const weights = draws.pick([
    [7, 2, 1],
    [1, 1, 1],
    [2, 0, 2],
  ]);
  const route = Array.from({ length: count }, (_, at) => ({
    destination: drawDestination(draws),
    ...(count > 1 && { weight: weights[at]! }),
    ...(some(6) && { headers: drawHeaders(draws) }),
  }));
  const fault = {
    ...(some(2) && { abort: { httpStatus: 418, percentage: { value: draws.pick([25, 50, 100]) } } }),
    ...(some(2) && {
      delay: { fixedDelay: draws.pick(['1s', '2s']), percentage: { value: draws.pick([0, 50]) } },
    }),
  };
  return {
    route,
    ...(some(4) && { rewrite: drawRewrite(draws) }),
    ...(some(6) && { mirror: drawDestination(draws), mirrorPercentage: { value: draws.pick([0, 50, 100]) } }),
    ...(some(6) && { timeout: draws.pick(['0s', '1s', '2s']) }),
    ...(some(8) && {
      retries: draws.pick([{ attempts: 0 }, { attempts: 2 }, { attempts: 2, retryOn: '5xx' }]),
    }),
    ...(some(8) && { corsPolicy: { allowOrigins: [{ exact: draws.pick(['http://a', 'http://b']) }] } }),
    ...(Object.keys(fault).length > 0 && some(6) && { fault }),
  };
}

function drawDestination(draws: Draws) {
  return { host: 'greeter', subset: draws.pick(SUBSETS), ...(draws.oneIn(8) && { port: { number: 81 } }) };
}

function drawRewrite(draws: Draws): NonNullable<HTTPRoute['rewrite']> {
  const [match, rewrite] = draws.pick([
    ['a', 'b'],
    ['^/a', '/x'],
    ['a to b', 'c'],
    ['a', 'b to c'],
  ]);
  return draws.pick([
    { uri: draws.pick(['/', '/a', '/A', '/x']) },
    { authority: draws.pick(['greeter', 'x']) },
    { uriRegexRewrite: { match: match!, rewrite: rewrite! } },
  ]);
}

function drawRedirect(draws: Draws): NonNullable<HTTPRoute['redirect']> {
  return draws.pick([
    { uri: draws.pick(['/a', '/b', '/y']) },
    { uri: '%PREFIX()%/a' },
    { authority: draws.pick(['x', 'x/y']) },
    { authority: 'x', uri: '/y' },
    { scheme: 'https' },
    { uri: '/a', redirectCode: 302 },
  ]);
}

function drawResponse(draws: Draws): NonNullable<HTTPRoute['directResponse']> {
  return draws.pick([
    { status: 200 },
    { status: 503 },
    { status: 200, body: { string: 'aGk=' } },
    { status: 200, body: { bytes: 'aGk=' } },
  ]);
}

function drawHeaders(draws: Draws): NonNullable<HTTPRoute['headers']> {
  const drawn = () =>
    draws.pick([
      { set: { 'x-a': 'b' } },
      { set: { 'x-a': 'b', 'x-c': 'd' } },
      { set: { 'x-a': 'b; set x-c: d' } },
      { add: { 'x-a': 'b' } },
      { remove: ['x'] },
      { set: { 'x-a': '%REQ(x)%' } },
    ]);
  return { ...(draws.oneIn(2) && { response: drawn() }), request: drawn() };
}

/** The same rules but for a few changes: one moved, dropped, put in, or with another outcome or match. */
function changed(draws: Draws, resource: VirtualService): VirtualService {
  const http = [...(resource.spec.http ?? [])];
  const other = withOutcomes(draws, generateVirtualService(draws, 'vs', [])).spec.http ?? [];
  for (let times = draws.below(4); times > 0; times--) {
    const at = draws.below(Math.max(1, http.length));
    switch (draws.below(5)) {
      case 0:
        http.splice(at, 1);
        break;
      case 1:
        http.splice(at, 0, draws.pick(other));
        break;
      case 2:
        http.splice(draws.below(Math.max(1, http.length)), 0, ...http.splice(at, 1));
        break;
      case 3: {
        const { match } = http[at] ?? {};
        http[at] = { ...(match && { match }), ...drawAction(draws) };
        break;
      }
      default: {
        const { match } = draws.pick(other);
        const { match: _, ...action }: HTTPRoute = http[at] ?? drawAction(draws);
        http[at] = { ...(match && { match }), ...action };
      }
    }
  }
  return { ...resource, spec: { ...resource.spec, http } };
}
