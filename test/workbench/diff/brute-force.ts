/** Pairs of rule sets and, for each, all moves that a small universe of requests shows. */
import assert from 'node:assert/strict';
import {
  compile,
  createReferenceRouter,
  type RouteTable,
  type ValidResource,
} from '../../../router/index.ts';
import type { HTTPRoute } from '../../../router/schema/virtual-service.ts';
import { isSameCut, NO_ROUTE, outcomeOf, pathCutOf } from '../../../workbench/diff/outcome.ts';
import { diffTables, type Found } from '../../../workbench/diff/table-diff.ts';
import { createTester } from '../../../workbench/trial.ts';
import { GREETER, generateRequest, generateVirtualService } from '../../router/lint/generate.ts';
import { createDraws, type Draws } from '../../router/route/generate.ts';

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
  const before = withOutcomes(draws, generateVirtualService(draws, 'vs', []));
  const after = changed(draws, before);
  const tables = { before: tableOf([before]), after: tableOf([after]) };
  const found = [...diffTables(tables, { steps: 1e8, automata: new Map() })];
  const claimed = new Map(found.map((each) => [pairOf(each), each]));
  const testers = { before: createTester(tables.before), after: createTester(tables.after) };
  const references = {
    before: createReferenceRouter(tables.before),
    after: createReferenceRouter(tables.after),
  };
  const names = new Set(tables.before.clusters.map(({ name }) => name));
  for (const each of found) {
    if (!each.example) continue;
    // A claim shows itself: the decisions on its example differ.
    const draw = () => 0;
    const decisions = [
      references.before.route(each.example, draw),
      references.after.route(each.example, draw),
    ];
    const rules = decisions.map(({ rule }) => rule?.index);
    assert.deepEqual(
      rules,
      [each.move.before.route?.origin?.index, each.move.after.route?.origin?.index],
      `seed ${seed}: ${JSON.stringify(each.example)}`,
    );
  }
  let moved = 0;
  for (let count = 0; count < requests; count++) {
    const request = generateRequest(draws);
    const [one, other] = [testers.before(request).route, testers.after(request).route];
    const outcomes = [one, other].map((route) => (route ? outcomeOf(route, names) : NO_ROUTE));
    const isSame =
      outcomes[0]!.key === outcomes[1]!.key &&
      (!one || !other || isSameCut(pathCutOf(one), pathCutOf(other)));
    if (isSame) continue;
    moved++;
    const pair = `${request.port} ${routeName(one)} ${routeName(other)}`;
    assert.ok(
      claimed.has(pair),
      `seed ${seed}: ${pair} moves with ${JSON.stringify(request)}, and nothing says so`,
    );
  }
  const unknown = found.filter(({ example }) => !example).length;
  return { moves: found.length - unknown, unknown, moved };
}

function tableOf(resources: readonly ValidResource[]): RouteTable {
  const subsets = SUBSETS.map((name) => ({ name, labels: { version: name } }));
  const rule: ValidResource = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'greeter', namespace: 'default' },
    spec: { host: 'greeter', subsets },
  };
  return compile([...resources, rule], { services: [GREETER] }).table;
}

function pairOf({ port, move }: Found): string {
  return `${port} ${routeName(move.before.route)} ${routeName(move.after.route)}`;
}

function routeName(route: { origin?: { index?: number; matchIndex?: number } } | undefined): string {
  return route?.origin ? `${route.origin.index}.${route.origin.matchIndex}` : 'none';
}

type VirtualService = ReturnType<typeof generateVirtualService>;

/** Destinations, splits, rewrites and redirects drawn for each rule. */
function withOutcomes(draws: Draws, resource: VirtualService): VirtualService {
  const http = (resource.spec.http ?? []).map(({ match }) => ({
    ...(match && { match }),
    ...drawAction(draws),
  }));
  return { ...resource, spec: { ...resource.spec, http } };
}

function drawAction(draws: Draws) {
  const destination = () => ({ destination: { host: 'greeter', subset: draws.pick(SUBSETS) } });
  switch (draws.below(6)) {
    case 0:
      return {
        route: [
          { ...destination(), weight: 90 },
          { ...destination(), weight: 10 },
        ],
      };
    case 1:
      return { route: [destination()], rewrite: { uri: draws.pick(['/', '/a', '/x']) } };
    case 2:
      return { redirect: { uri: draws.pick(['/a', '/b']) } };
    case 3:
      return { route: [destination()], timeout: draws.pick(['1s', '2s']) };
    default:
      return { route: [destination()] };
  }
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
