import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostWorld, hostWorld } from '../../../router/lint/host-world.ts';
import { regionOf } from '../../../router/lint/rule-region.ts';
import { subtractBoxes } from '../../../router/region/box.ts';
import { reachOf } from '../../../router/region/reach.ts';
import type { HTTPMatchRequest } from '../../../router/schema/virtual-service.ts';

const WORLD: Pick<HostWorld, 'normalization' | 'hosts' | 'gateways'> = {
  normalization: 'BASE',
  hosts: ['a.example'],
  gateways: ['mesh'],
};

interface Case {
  readonly name: string;
  readonly matches: readonly (HTTPMatchRequest | undefined)[];
  /** Of the last match: `taken`, `impossible`, `unknown`, or the positions that take all of its requests. */
  readonly want: string;
  readonly world?: Partial<typeof WORLD>;
}

// Each is reasoned from Envoy's and Istio's definitions; none is read off a run.
const CASES: readonly Case[] = [
  {
    name: 'an exact path under a prefix',
    matches: [{ uri: { prefix: '/api' } }, { uri: { exact: '/api/v1' } }],
    want: '0',
  },
  {
    name: 'a prefix under an exact path',
    matches: [{ uri: { exact: '/api' } }, { uri: { prefix: '/api' } }],
    want: 'taken',
  },
  {
    name: 'a prefix that is no path segment',
    matches: [{ uri: { prefix: '/api' } }, { uri: { prefix: '/apiary' } }],
    want: '0',
  },
  {
    name: 'a prefix in another letter case',
    matches: [{ uri: { prefix: '/API' }, ignoreUriCase: true }, { uri: { prefix: '/api/v1' } }],
    want: '0',
  },
  {
    name: 'any letter case after one of them',
    matches: [{ uri: { prefix: '/api' } }, { uri: { prefix: '/api' }, ignoreUriCase: true }],
    want: 'taken',
  },
  {
    name: 'a header that is there, and one that is not',
    matches: [{ headers: { user: {} } }, { withoutHeaders: { user: {} } }, { uri: { prefix: '/' } }],
    want: '0,1',
  },
  {
    name: 'a text and its opposite',
    matches: [
      { headers: { user: { exact: 'a' } } },
      { withoutHeaders: { user: { exact: 'a' } } },
      { uri: { exact: '/x' } },
    ],
    want: '0,1',
  },
  {
    name: 'three earlier rules together',
    matches: [
      { method: { exact: 'GET' } },
      { method: { regex: '[^G].*|G[^E].*|G|GE[^T].*|GE|GET.+' }, headers: { user: { exact: 'a' } } },
      { withoutHeaders: { user: { exact: 'a' } } },
      { uri: { prefix: '/x' } },
    ],
    want: '0,1,2',
  },
  {
    name: 'several values of one header: one fulfils the second rule whatever the others do',
    matches: [
      { withoutHeaders: { user: { exact: 'b' } } },
      { uri: { prefix: '/' }, headers: { user: { exact: 'a' } }, withoutHeaders: { user: { exact: 'b' } } },
    ],
    want: '0',
  },
  {
    name: 'a header with two values, which neither earlier rule takes',
    matches: [
      { headers: { user: { exact: 'a' } }, withoutHeaders: { user: { exact: 'b' } } },
      { headers: { user: { exact: 'b' } }, withoutHeaders: { user: { exact: 'a' } } },
      { headers: { user: { regex: 'a|b' } } },
    ],
    want: 'taken',
  },
  {
    name: 'regexes that add up',
    matches: [
      { uri: { regex: '/v[0-4].*' } },
      { uri: { regex: '/v[5-9]/?.*' } },
      { uri: { regex: '/v\\d/items/[a-z]+' } },
    ],
    want: '0,1',
  },
  {
    name: 'a regex that is not quite covered',
    matches: [{ uri: { regex: '/v[0-8].*' } }, { uri: { regex: '/v\\d/items' } }],
    want: 'taken',
  },
  {
    name: 'a regex of a header with a line end, which none has',
    matches: [{ headers: { user: { regex: '.*' } } }, { headers: { user: {} } }],
    want: '0',
  },
  {
    name: 'the path of OPTIONS *, which no rule sees',
    matches: [{ uri: { prefix: '/' }, method: { regex: '.*' } }, { uri: { regex: '.*' } }],
    want: '0',
  },
  {
    name: 'an escape of a letter, which comes decoded',
    matches: [{ uri: { regex: '/%6[1-9a-f]' } }],
    want: 'impossible',
  },
  {
    name: 'an escape that stays, in either letter case',
    matches: [{ uri: { exact: '/%2f' } }, { uri: { regex: '/%2[fF]' } }],
    want: 'taken',
  },
  {
    name: 'a percent sign that begins no escape',
    matches: [{ uri: { exact: '/%6' } }, { uri: { exact: '/%zz' } }],
    want: 'taken',
  },
  {
    name: 'the same after a rule that Istio holds for a catch-all',
    matches: [{ uri: { prefix: '/' } }, { uri: { regex: '.*' } }],
    want: '0',
  },
  {
    name: 'a path with a query, which rules never see',
    matches: [{ uri: { exact: '/search?q=1' } }],
    want: 'impossible',
  },
  {
    name: 'a path that normalising takes away',
    matches: [{ uri: { exact: '/a/../b' } }],
    want: 'impossible',
  },
  {
    name: 'the same without normalising',
    matches: [{ uri: { exact: '/a/../b' } }],
    want: 'taken',
    world: { normalization: 'NONE' },
  },
  {
    name: 'two slashes, which stay',
    matches: [{ uri: { exact: '/a//b' } }],
    want: 'taken',
  },
  {
    name: 'two slashes that are merged',
    matches: [{ uri: { exact: '/a//b' } }],
    want: 'impossible',
    world: { normalization: 'MERGE_SLASHES' },
  },
  {
    name: 'conditions on one header that exclude each other',
    matches: [{ headers: { user: { prefix: 'ab' } }, withoutHeaders: { user: { prefix: 'a' } } }],
    want: 'impossible',
  },
  {
    name: 'withoutHeaders with a regex that takes the empty text, as which an absent header counts',
    matches: [{ withoutHeaders: { user: { regex: '.*' } } }],
    want: 'impossible',
  },
  {
    name: 'a query parameter that is there with any value',
    matches: [{ queryParams: { v: {} } }, { queryParams: { v: { prefix: '2' } } }],
    want: '0',
  },
  {
    name: 'a query parameter that need not be there',
    matches: [{ queryParams: { v: {} } }, { uri: { exact: '/x' } }],
    want: 'taken',
  },
  {
    name: 'an earlier rule for other clients',
    matches: [{ uri: { prefix: '/a' }, sourceLabels: { app: 'web' } }, { uri: { prefix: '/a/b' } }],
    want: 'taken',
  },
  {
    name: 'a rule for some clients after one for all',
    matches: [{ uri: { prefix: '/a' } }, { uri: { prefix: '/a/b' }, sourceLabels: { app: 'web' } }],
    want: '0',
  },
  {
    name: 'a rule for the same port',
    matches: [
      { uri: { prefix: '/a' }, port: 80 },
      { uri: { prefix: '/a' }, port: 81 },
      { uri: { prefix: '/a/b' }, port: 80 },
    ],
    want: '0',
  },
  {
    name: 'every gateway of the VirtualService',
    matches: [{ gateways: ['mesh'] }, { gateways: ['default/gate'] }, { uri: { prefix: '/a' } }],
    want: '0,1',
    world: { gateways: ['mesh', 'default/gate'] },
  },
  {
    name: 'a gateway that the VirtualService is not bound to',
    matches: [{ uri: { prefix: '/a' }, gateways: ['default/gate'] }],
    want: 'impossible',
  },
  {
    name: 'an authority that leads to other hosts',
    matches: [{ authority: { exact: 'b.example' } }],
    want: 'impossible',
    world: { gateways: ['default/gate'] },
  },
  {
    name: 'an authority that a Service may make another name of the host in the mesh',
    matches: [{ authority: { exact: 'b.example' } }],
    want: 'unknown',
  },
  {
    name: 'the one host in another spelling',
    matches: [{ authority: { regex: '(?i)a\\.example(:\\d+)?' } }, { authority: { exact: 'A.example:80' } }],
    want: '0',
  },
  {
    name: 'a regex whose automaton is too large',
    matches: [
      { uri: { regex: '/.*a.{14}' } },
      { uri: { regex: '/.*[^a].{14}' } },
      { uri: { regex: '/.{20}' } },
    ],
    want: 'unknown',
  },
  {
    name: 'a claim, of which nothing is known',
    matches: [{ headers: { '@request.auth.claims.sub': { exact: 'a' } } }, { uri: { prefix: '/a' } }],
    want: 'unknown',
  },
  {
    name: 'a rule with a claim after one that takes its path',
    matches: [
      { uri: { prefix: '/a' } },
      { uri: { prefix: '/a' }, headers: { '@request.auth.claims.sub': { exact: 'a' } } },
    ],
    want: '0',
  },
];

for (const { name, matches, want, world } of CASES) {
  test(`reachOf() decides ${name}: ${want}`, () => {
    const workspace = { steps: 1e8, automata: new Map() };
    const reach = reachOf(matches.map(regionOf), hostWorld({ ...WORLD, ...world }), workspace).at(-1)!;
    assert.equal(reach.verdict === 'never' ? reach.by.join() : reach.verdict, want);
  });
}

test('reachOf() says nothing once its steps are spent', () => {
  const matches = [{ uri: { regex: '/a.*' } }, { uri: { regex: '/ab.*' } }];
  const [, second] = reachOf(matches.map(regionOf), hostWorld(WORLD), { steps: 10, automata: new Map() });
  assert.equal(second?.verdict, 'unknown');
});

/** A match for each way in which the headers `h0`, `h1`, … are there or are not. */
function allCombinations(headers: number): HTTPMatchRequest[] {
  return Array.from({ length: 2 ** headers }, (_, combination) => {
    const names = Array.from({ length: headers }, (_, index) => `h${index}`);
    const isThere = (name: string) => ((combination >> Number(name.slice(1))) & 1) === 1;
    return {
      headers: Object.fromEntries(names.filter(isThere).map((name) => [name, {}])),
      withoutHeaders: Object.fromEntries(names.filter((name) => !isThere(name)).map((name) => [name, {}])),
    };
  });
}

test('reachOf() proves that 32 and 64 rules take all of a request together, says nothing of 128, and never what is wrong', () => {
  const verdict = (matches: readonly HTTPMatchRequest[]) => {
    const regions = [...matches, { uri: { prefix: '/a' } }].map(regionOf);
    return reachOf(regions, hostWorld(WORLD), { steps: 1e8, automata: new Map() }).at(-1)!.verdict;
  };
  assert.equal(verdict(allCombinations(5)), 'never');
  assert.equal(verdict(allCombinations(6)), 'never');
  assert.equal(verdict(allCombinations(7)), 'unknown');
  for (const headers of [6, 7]) {
    for (const gap of [0, 1, 21, 42, 2 ** headers - 1])
      assert.notEqual(
        verdict(allCombinations(headers).toSpliced(gap, 1)),
        'never',
        `${headers}, without ${gap}`,
      );
  }
});

test('reachOf() decides 10,000 rules in a time that does not grow with their square', () => {
  const matches = Array.from({ length: 10_000 }, (_, index) => ({
    uri: { exact: `/api/users/${index}` },
    headers: { user: { prefix: `u${index % 7}` } },
  }));
  const reaches = reachOf(matches.map(regionOf), hostWorld(WORLD), { steps: 1e6, automata: new Map() });
  assert.ok(reaches.every(({ verdict }) => verdict === 'taken'));
});

test('subtractBoxes() leaves what no other box has, without overlap', () => {
  // Three by three cells: a plus of five cells taken from the whole leaves the four corners.
  const whole = [0b111n, 0b111n];
  const left = subtractBoxes(
    whole,
    [
      [0b010n, 0b111n],
      [0b111n, 0b010n],
    ],
    10,
  )!;
  const cells = left.flatMap(([x, y]) =>
    [1n, 2n, 4n].flatMap((i) => [1n, 2n, 4n].filter((j) => x! & i && y! & j).map((j) => `${i},${j}`)),
  );
  assert.deepEqual(cells.sort(), ['1,1', '1,4', '4,1', '4,4']);
  assert.deepEqual(
    subtractBoxes(
      whole,
      [
        [0b011n, 0b111n],
        [0b100n, 0b111n],
      ],
      10,
    ),
    [],
  );
  assert.equal(
    subtractBoxes(
      [7n, 7n, 7n],
      [
        [1n, 1n, 1n],
        [2n, 2n, 2n],
        [4n, 4n, 4n],
      ],
      2,
    ),
    undefined,
  );
});
