import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { parseLabel } from '../../../cli/command.ts';
import { requestOfWords } from '../../../cli/request-words.ts';
import { createReport } from '../../../router/compile/report.ts';
import { prepareVirtualServices } from '../../../router/compile/virtual-service.ts';
import {
  type CompileOptions,
  compile,
  createReferenceRouter,
  lint,
  type RouteRequest,
  type Router,
  type ValidResource,
  type ValidResourceOf,
} from '../../../router/index.ts';
import { hostWorld } from '../../../router/lint/host-world.ts';
import { regionOf } from '../../../router/lint/rule-region.ts';
import { requestOf } from '../../../router/region/example.ts';
import { type Reach, reachOf } from '../../../router/region/reach.ts';
import { assumedGateways } from '../../../workbench/assumed-gateway.ts';
import { assumedServices } from '../../../workbench/assumed-service.ts';
import { checkTexts } from '../../../workbench/check/index.ts';
import { proxyOf } from '../../../workbench/client.ts';
import { pasted } from '../../pasted.ts';
import { shareOf } from '../../share.ts';
import * as common from '../route/generate.ts';
import {
  GREETER,
  generateDelegate,
  generateRequest,
  generateSender,
  generateVirtualService,
  type Sender,
} from './generate.ts';

const SHARE = shareOf(1, 120);
const ROUNDS = Number(process.env['LINT_ROUNDS'] ?? SHARE.count);
const FIRST_SEED = Number(process.env['LINT_SEED'] ?? SHARE.first);
const REQUESTS = 300;

const LOST_CODES = ['rule-never-taken', 'match-never-taken', 'match-impossible'];

/** One router for each client. */
function routersOf(resources: readonly ValidResource[], options: CompileOptions) {
  const routers = new Map<string, Router>();
  return ({ namespace, app }: Sender): Router => {
    const key = `${namespace} ${app}`;
    const proxy = { ...options.proxy, namespace, labels: app === undefined ? {} : { app } };
    const known = routers.get(key) ?? createReferenceRouter(compile(resources, { ...options, proxy }).table);
    routers.set(key, known);
    return known;
  };
}

/** `NAME.RULE.MATCH` of the rule that takes the request. */
function takerOf(router: Router, request: RouteRequest): string | undefined {
  const { rule } = router.route(request, () => 0);
  return rule && `${rule.name}.${rule.index}.${rule.matchIndex}`;
}

/** The same for what lint calls lost: matches, and rules with all of their matches. */
function lostOf(resources: readonly ValidResource[]): Set<string> {
  const lost = new Set<string>();
  for (const { code, path = [], resource } of lint(resources)) {
    if (!LOST_CODES.includes(code)) continue;
    const [, , index, , match] = path;
    const whole = match === undefined ? ['undefined', '0', '1', '2'] : [String(match)];
    for (const each of whole) lost.add(`${resource!.name}.${index}.${each}`);
  }
  return lost;
}

for (let chunk = 0; chunk < 4; chunk++) {
  test(`reachOf() calls no rule dead that the router takes, and shows for each live one a request that it takes, part ${chunk + 1} of 4`, () => {
    let decided = 0;
    let open = 0;
    for (let round = chunk; round < ROUNDS; round += 4) {
      const seed = FIRST_SEED + round;
      const draws = common.createDraws(seed);
      const resource = generateVirtualService(draws, 'vs', []);
      const [prepared] = prepareVirtualServices([resource], undefined, createReport());
      const entries = prepared!.rules.flatMap(({ rule: { match } }, index) =>
        match === undefined
          ? [{ id: `vs.${index}.undefined`, region: regionOf(undefined) }]
          : match.map((each, at) => ({ id: `vs.${index}.${at}`, region: regionOf(each) })),
      );
      const world = hostWorld({
        normalization: 'BASE',
        hosts: prepared!.hosts,
        gateways: prepared!.gateways,
      });
      const workspace = { steps: 1e8, automata: new Map() };
      const reaches = reachOf(
        entries.map(({ region }) => region),
        world,
        workspace,
      );
      const routerOf = routersOf([resource], { services: [GREETER] });
      const verdicts = new Map<string, Reach['verdict']>();
      for (const [index, reach] of reaches.entries()) {
        const { id } = entries[index]!;
        verdicts.set(id, reach.verdict);
        if (reach.verdict === 'unknown') open++;
        else decided++;
        if (reach.verdict !== 'taken') continue;
        const { request, namespace = 'elsewhere', labels } = requestOf(reach.example, world, 82);
        const app = labels['app'];
        const router = routerOf({ namespace, ...(app !== undefined && { app }) });
        assert.equal(takerOf(router, request), id, `seed ${seed}: ${JSON.stringify({ request, labels })}`);
      }
      for (let count = 0; count < REQUESTS; count++) {
        const request = generateRequest(draws);
        const sender = generateSender(draws);
        const taker = takerOf(routerOf(sender), request);
        const verdict = taker === undefined ? 'taken' : verdicts.get(taker);
        assert.ok(
          verdict === 'taken' || verdict === 'unknown',
          `seed ${seed}: ${taker} is called ${verdict}, and takes ${JSON.stringify({ request, sender })}`,
        );
      }
    }
    // In the mesh an authority may be another name of a host, which no rule says.
    assert.ok(open <= 1 + decided / 20, `${open} of ${decided + open} rules are undecided`);
  });
}

test('lint() calls no rule dead that the router takes, with delegates', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS / 3; seed++) {
    const draws = common.createDraws(seed);
    const resources = [
      generateVirtualService(draws, 'vs', ['one', 'two', 'none']),
      generateDelegate(draws, 'one'),
      generateDelegate(draws, 'two'),
    ];
    assertNoneTaken(resources, routersOf(resources, { services: [GREETER] }), draws, seed);
  }
});

test('lint() calls no rule dead that a gateway takes, of several VirtualServices for one host', () => {
  let behindOthers = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS / 8; seed++) {
    const draws = common.createDraws(seed);
    const resources = ['one', 'two', 'three'].map((name): ValidResource => {
      const { spec, ...rest } = generateVirtualService(draws, name, []);
      const gateways = draws.oneIn(4) ? ['gate', 'second'] : ['gate'];
      return { ...rest, spec: { ...spec, hosts: ['greeter.example'], gateways } };
    });
    for (const gateway of ['gate', 'second']) {
      const proxy = { type: 'router' as const, gateways: [`default/${gateway}`] };
      const inPlace = (request: RouteRequest): RouteRequest => ({
        ...request,
        authority: request.authority.replace(/greeter[a-z.]*/i, (name) => `${name.slice(0, 7)}.example`),
      });
      assertNoneTaken(resources, routersOf(resources, { services: [GREETER], proxy }), draws, seed, inPlace);
    }
    behindOthers += lint(resources).filter(({ message }) =>
      message.includes("VirtualService 'default/"),
    ).length;
  }
  assert.ok(behindOthers > 0, 'some rules are lost behind those of another VirtualService');
});

test('lint() calls no rule dead that the router takes, of several VirtualServices with several hosts', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS / 3; seed++) {
    const draws = common.createDraws(seed);
    const resources = common.generateResources(draws);
    const lost = lostOf(resources);
    const router = createReferenceRouter(compile(resources, { services: common.SERVICES }).table);
    for (let count = 0; count < REQUESTS; count++) {
      const request = common.generateRequest(draws);
      const taker = takerOf(router, request);
      assert.ok(!lost.has(taker ?? ''), `seed ${seed}: ${taker} takes ${JSON.stringify(request)}`);
    }
  }
});

test('checkTexts() claims of no rule that the router takes that it is lost, and tells where Istio warns of one', () => {
  let contradicted = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS / 3; seed++) {
    const draws = common.createDraws(seed);
    const { spec: drawn, metadata } = generateVirtualService(
      draws,
      'vs',
      [],
    ) as ValidResourceOf<'VirtualService'>;
    // Istio holds a condition on GET for none.
    const route = [{ destination: { host: 'greeter' } }];
    const misjudged = [
      { match: [{ uri: { prefix: '/a' }, method: { exact: 'GET' } }], route },
      { match: [{ uri: { prefix: '/a/b' } }], route },
    ];
    const spec = { ...drawn, http: [...misjudged, ...(drawn.http ?? [])] };
    const resource = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata, spec };
    const bytes = new TextEncoder().encode(JSON.stringify(resource));
    const { issues, resources } = checkTexts([{ file: 'vs.yaml', bytes }]);
    if (resources === 0) continue;
    const claims = issues.filter(({ code }) =>
      [...LOST_CODES, 'unreachable-rule', 'duplicate-match'].includes(code),
    );
    contradicted += claims.filter(({ message }) => message.includes('a request does reach it')).length;
    const routerOf = routersOf(
      [{ kind: 'VirtualService', metadata: { ...metadata, namespace: 'default' }, spec } as ValidResource],
      { services: [GREETER] },
    );
    for (let count = 0; count < REQUESTS; count++) {
      const request = generateRequest(draws);
      const sender = generateSender(draws);
      const { rule } = routerOf(sender).route(request, () => 0);
      if (!rule) continue;
      const wrong = claims.filter(({ path = [], message }) => {
        const isOfRule =
          path[1] === 'http' && path[2] === rule.index && (path[4] ?? rule.matchIndex) === rule.matchIndex;
        return isOfRule && !/^Istio warns that .*a request does reach it/.test(message);
      });
      assert.deepEqual(wrong, [], `seed ${seed}: ${JSON.stringify({ request, sender })}`);
    }
  }
  assert.ok(contradicted > 0, 'Istio warns of some rules that are taken');
});

test('lint() gives examples that explain takes as they are, and that show what is claimed', () => {
  const shown = new Map<string, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS / 2; seed++) {
    const draws = common.createDraws(seed);
    const atGate = draws.oneIn(4);
    const { spec, ...rest } = generateVirtualService(draws, 'vs', ['one', 'none']);
    const others = atGate ? { hosts: ['greeter.example'], gateways: ['gate'] } : {};
    const own = { ...spec, ...others, ...(draws.oneIn(4) && { exportTo: ['shop'] }) };
    const resources = [{ ...rest, spec: own } as ValidResource, generateDelegate(draws, 'one')];
    for (const { code, message, path = [], resource, example } of lint(resources)) {
      if (example === undefined) continue;
      shown.set(code, (shown.get(code) ?? 0) + 1);
      const taker = takerOfExample(resources, example);
      const [, , index, field, at] = path;
      const place = `${resource!.name}.${index}${field === 'match' ? `.${at}` : '.'}`;
      const isTaken = taker?.startsWith(place) ?? false;
      const told = `seed ${seed}: ${taker} takes ${example}: ${message}`;
      if (code === 'regex-plain' || code === 'subset-missing') assert.ok(isTaken, told);
      else assert.ok(!isTaken && (taker !== undefined || code.startsWith('delegate-')), told);
    }
  }
  for (const code of ['rule-never-taken', 'match-never-taken', 'regex-plain', 'delegate-not-found'])
    assert.ok((shown.get(code) ?? 0) > 0, `${code} is shown by some example`);
});

/** Taken as `pointsman explain` takes the words of the line. */
function takerOfExample(resources: readonly ValidResource[], example: string): string | undefined {
  const { request: words, options } = pasted(example);
  const { values } = parseArgs({
    args: [...options],
    options: Object.fromEntries(
      ['port', 'gateway', 'namespace', 'labels'].map((name) => [name, { type: 'string' as const }]),
    ),
  });
  const { gateway, namespace, labels, port } = values as Readonly<Record<string, string | undefined>>;
  const request = requestOfWords('explain', words, port === undefined ? undefined : Number(port));
  const client = {
    ...(namespace !== undefined && { namespace }),
    ...(gateway !== undefined && { gateway }),
    ...(labels !== undefined && { labels: parseLabel(labels, undefined) }),
  };
  const services = assumedServices(resources, [request.port]);
  const all = [...resources, ...assumedGateways(resources, client, [request.port])];
  return takerOf(createReferenceRouter(compile(all, { services, proxy: proxyOf(client) }).table), request);
}

function assertNoneTaken(
  resources: readonly ValidResource[],
  routerOf: (sender: Sender) => Router,
  draws: common.Draws,
  seed: number,
  inPlace: (request: RouteRequest) => RouteRequest = (request) => request,
): void {
  const lost = lostOf(resources);
  for (let count = 0; count < REQUESTS; count++) {
    const request = inPlace(generateRequest(draws));
    const sender = generateSender(draws);
    const taker = takerOf(routerOf(sender), request);
    assert.ok(!lost.has(taker ?? ''), `seed ${seed}: ${taker} takes ${JSON.stringify({ request, sender })}`);
  }
}
