import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTraceChance } from '../../../gateway/telemetry/trace-chance.ts';
import { beginTrace, type TraceChance } from '../../../gateway/telemetry/trace-context.ts';
import type { HeaderList } from '../../../router/table/request.ts';

const T = '0af7651916cd43dd8448eb211c80319c';
const S = 'b7ad6b7169203331';
const OWN = 'c'.repeat(16);
const NEW = 'd'.repeat(32);

const chanceOf = (isSampled: boolean): TraceChance => ({
  id: (digits) => (digits === 32 ? NEW : OWN),
  sample: () => isSampled,
});

const cases: readonly {
  readonly name: string;
  readonly headers: HeaderList;
  /** Whether a trace that begins here is sampled. Default true. */
  readonly samples?: boolean;
  /** Headers of the trace as they go on. */
  readonly want: HeaderList;
}[] = [
  { name: 'begins a trace', headers: [], want: [['traceparent', `00-${NEW}-${OWN}-01`]] },
  {
    name: 'begins a trace that is not sampled',
    headers: [],
    samples: false,
    want: [['traceparent', `00-${NEW}-${OWN}-00`]],
  },
  {
    name: 'goes on with a W3C trace and its state',
    headers: [
      ['traceparent', `00-${T}-${S}-01`],
      ['tracestate', 'a=b'],
    ],
    samples: false,
    want: [
      ['tracestate', 'a=b'],
      ['traceparent', `00-${T}-${OWN}-01`],
    ],
  },
  {
    name: 'does not sample what the client has not',
    headers: [['traceparent', `00-${T}-${S}-00`]],
    want: [['traceparent', `00-${T}-${OWN}-00`]],
  },
  {
    name: 'reads a later version of W3C',
    headers: [['traceparent', `01-${T}-${S}-03-more`]],
    want: [['traceparent', `00-${T}-${OWN}-01`]],
  },
  ...[
    '',
    `00-${T}-${S}`,
    `ff-${T}-${S}-01`,
    `00-${'0'.repeat(32)}-${S}-01`,
    `00-${T}-${'0'.repeat(16)}-01`,
    `00-${T.toUpperCase()}-${S}-01`,
    `00-${T}-${S}-01-more`,
  ].map((traceparent) => ({
    name: `begins anew where the client says "${traceparent}", and drops the state`,
    headers: [
      ['traceparent', traceparent],
      ['tracestate', 'a=b'],
    ] as HeaderList,
    want: [['traceparent', `00-${NEW}-${OWN}-01`]] as HeaderList,
  })),
  {
    name: 'goes on with B3 in one header, for clients of either form',
    headers: [['b3', `${T}-${S}-1`]],
    samples: false,
    want: [
      ['b3', `${T}-${OWN}-1-${S}`],
      ['traceparent', `00-${T}-${OWN}-01`],
    ],
  },
  {
    name: 'takes B3 without a decision, and ids of 64 bits',
    headers: [['b3', `${S}-${S}`]],
    samples: false,
    want: [
      ['b3', `${'0'.repeat(16)}${S}-${OWN}-0-${S}`],
      ['traceparent', `00-${'0'.repeat(16)}${S}-${OWN}-00`],
    ],
  },
  {
    name: 'heeds the debug flag of B3',
    headers: [['b3', `${T}-${S}-d-${S}`]],
    samples: false,
    want: [
      ['b3', `${T}-${OWN}-d-${S}`],
      ['traceparent', `00-${T}-${OWN}-01`],
    ],
  },
  {
    name: 'heeds the debug flag of B3 in several headers',
    headers: [
      ['x-b3-traceid', T],
      ['x-b3-spanid', S],
      ['x-b3-flags', '1'],
    ],
    samples: false,
    want: [
      ['x-b3-traceid', T],
      ['x-b3-spanid', OWN],
      ['x-b3-flags', '1'],
      ['x-b3-parentspanid', S],
      ['traceparent', `00-${T}-${OWN}-01`],
    ],
  },
  ...(['1', 'd'] as const).map((decision) => ({
    name: `heeds B3 that only says ${decision}`,
    headers: [['b3', decision]] as HeaderList,
    samples: false,
    want: [
      ['b3', `${NEW}-${OWN}-${decision}`],
      ['traceparent', `00-${NEW}-${OWN}-01`],
    ] as HeaderList,
  })),
  ...(
    [
      ['x-b3-sampled', '0', false],
      ['x-b3-sampled', '1', true],
      ['x-b3-sampled', 'true', true],
      ['x-b3-flags', '1', true],
    ] as const
  ).map(([header, value, isSampled]) => ({
    name: `heeds ${header}: ${value} without ids`,
    headers: [[header, value]] as HeaderList,
    samples: !isSampled,
    want: [
      ['x-b3-traceid', NEW],
      ['x-b3-spanid', OWN],
      header === 'x-b3-flags' ? [header, value] : ['x-b3-sampled', isSampled ? '1' : '0'],
      ['traceparent', `00-${NEW}-${OWN}-${isSampled ? '01' : '00'}`],
    ] as HeaderList,
  })),
  {
    name: 'leaves the decision to chance where B3 says none that there is',
    headers: [['x-b3-sampled', 'maybe']],
    samples: false,
    want: [
      ['x-b3-traceid', NEW],
      ['x-b3-spanid', OWN],
      ['x-b3-sampled', '0'],
      ['traceparent', `00-${NEW}-${OWN}-00`],
    ],
  },
  {
    name: 'heeds B3 that only says no',
    headers: [['b3', '0']],
    want: [
      ['b3', `${NEW}-${OWN}-0`],
      ['traceparent', `00-${NEW}-${OWN}-00`],
    ],
  },
  {
    name: 'goes on with B3 in several headers',
    headers: [
      ['x-b3-traceid', T],
      ['x-b3-spanid', S],
      ['x-b3-parentspanid', S],
      ['x-b3-sampled', '0'],
      ['x-other', 'kept'],
    ],
    want: [
      ['x-other', 'kept'],
      ['x-b3-traceid', T],
      ['x-b3-spanid', OWN],
      ['x-b3-sampled', '0'],
      ['x-b3-parentspanid', S],
      ['traceparent', `00-${T}-${OWN}-00`],
    ],
  },
  {
    name: 'takes W3C before B3',
    headers: [
      ['b3', `${NEW}-${NEW.slice(16)}-0`],
      ['traceparent', `00-${T}-${S}-01`],
    ],
    want: [
      ['b3', `${T}-${OWN}-1-${S}`],
      ['traceparent', `00-${T}-${OWN}-01`],
    ],
  },
];
for (const { name, headers, samples = true, want } of cases)
  test(`beginTrace() ${name}`, () => {
    assert.deepEqual(beginTrace(headers, chanceOf(samples)).headers, want);
  });

test('createTraceChance() makes ids of their length, none twice, and samples its share', () => {
  const chance = createTraceChance(10);
  const ids = new Set(Array.from({ length: 5000 }, () => chance.id(16)));
  assert.equal(ids.size, 5000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/);
  assert.match(chance.id(32), /^[0-9a-f]{32}$/);
  const sampled = Array.from({ length: 10_000 }, () => chance.sample()).filter(Boolean).length;
  assert.ok(sampled > 800 && sampled < 1200, `${sampled} of 10,000`);
});

test('createTraceChance() samples none and all', () => {
  for (const [percent, want] of [
    [0, false],
    [100, true],
  ] as const)
    assert.ok(
      Array.from({ length: 1000 }, () => createTraceChance(percent).sample()).every((each) => each === want),
    );
});
