/**
 * All that can go wrong with endpoints and clients at once, for CHAOS_SECONDS (300), while the rules change: every call
 * ends, with an answer that its endpoint's fault allows; what may not be tried again is asked once; and in the end nothing
 * is under way. CHAOS_SEED (1) gives the same order of things.
 */
import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as net from 'node:net';
import { test } from 'node:test';
import { readText } from '../../config/document.ts';
import { type ConfigSource, createGateway, type RequestOutcome } from '../../gateway/index.ts';
import { FAULT_CASES, type FaultCase } from '../gateway/upstream-fault/case.ts';
import { askOnce } from '../gateway/upstream-fault/client.ts';
import { FINE, http2 } from '../gateway/upstream-fault/endpoint.ts';
import { openEndpoints, rulesOf, serviceOf } from '../gateway/upstream-fault/world.ts';
import { ask, remoteService, start } from '../gateway/world.ts';

const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 300);
const SEED = Number(process.env['CHAOS_SEED'] ?? 1);
const WORKERS = 12;
/** A call that takes longer has not ended. */
const LIMIT_MS = 20_000;
/** Between two calls of a worker, at most. */
const PAUSE_MS = 60;

/** A way to fail, with what a call may come to. */
interface ChaosCase extends FaultCase {
  readonly allowed: readonly string[];
  /** Requests that a call makes, at least and at most. */
  readonly tries: readonly [number, number];
}

const before = 'upstream connect error or disconnect/reset before headers.';
const again = `503 ${before} retried and the latest reset reason:`;

/** Their endpoints remember calls before, or answer several at a time otherwise than one. */
const NOT_SINGLE = ['goes away before the request', 'goes away with an error', 'refuses the stream'];

/** Those of one call. */
const SINGLE = FAULT_CASES.filter(({ name, calls = 1 }) => calls === 1 && !NOT_SINGLE.includes(name)).map(
  (each): ChaosCase => {
    const [answer, , tries] = each.here ?? each.want;
    // On a machine that is busy not even a head comes in time, or is sent in it.
    const least = each.timeoutMs === undefined ? tries : 0;
    const late = each.timeoutMs === undefined ? [] : ['504 upstream request timeout'];
    // A connection that answers no PING is given up, with whoever waits there.
    const silent =
      each.name === 'says nothing where HTTP/2 is expected'
        ? [`503 ${before} reset reason: connection termination`]
        : [];
    return { ...each, allowed: [answer, ...late, ...silent], tries: [least, tries] };
  },
);

const MIXED: readonly Omit<ChaosCase, 'want'>[] = [
  {
    name: 'closes each kept connection at once',
    endpoint: ({ socket, onRequest }) => onRequest(() => socket.end(FINE)),
    allowed: ['200 fine', `503 ${before} reset reason: connection termination`],
    tries: [0, 1],
  },
  {
    name: 'closes kept connections as they are used',
    endpoint: ({ socket, onRequest }) => {
      let requests = 0;
      onRequest(() => (++requests % 3 === 0 ? socket.destroy() : socket.write(FINE)));
    },
    allowed: ['200 fine', `503 ${before} reset reason: connection termination`],
    tries: [1, 1],
  },
  {
    name: 'closes kept connections as they are used, and is asked again',
    endpoint: ({ socket, onRequest }) => {
      let requests = 0;
      onRequest(() => (++requests % 3 === 0 ? socket.destroy() : socket.write(FINE)));
    },
    retries: { attempts: 2, retryOn: 'reset' },
    allowed: ['200 fine', `${again} connection termination`],
    tries: [1, 3],
  },
  {
    name: 'goes away after each request',
    protocol: 'http2',
    endpoint: ({ socket, onRequest }) => {
      socket.write(http2.settings());
      onRequest((_request, stream) => {
        socket.write(http2.settingsAck());
        socket.write(http2.goaway(stream, 0));
        socket.write(http2.answer(stream));
      });
    },
    allowed: ['200 fine', `${again} remote refused stream reset`],
    tries: [1, 3],
  },
  {
    name: 'goes away with an error after each request',
    protocol: 'http2',
    endpoint: ({ socket, onRequest }) => {
      socket.write(http2.settings());
      onRequest((_request, stream) => {
        socket.write(http2.settingsAck());
        socket.end(http2.goaway(stream, 2));
      });
    },
    // What came after the one that it names was not looked at, and is asked again.
    allowed: [
      `503 ${before} reset reason: connection termination`,
      `${again} connection termination`,
      `${again} remote refused stream reset`,
    ],
    tries: [1, 3],
  },
  {
    name: 'refuses every other stream',
    protocol: 'http2',
    endpoint: ({ socket, onRequest }) => {
      let streams = 0;
      socket.write(http2.settings());
      onRequest((_request, stream) => {
        if (++streams === 1) socket.write(http2.settingsAck());
        socket.write(streams % 2 === 1 ? http2.reset(stream, 7) : http2.answer(stream));
      });
    },
    allowed: ['200 fine', `${again} remote refused stream reset`],
    tries: [1, 3],
  },
  {
    name: 'fails for good, and is asked again',
    endpoint: ({ socket, onRequest }) =>
      onRequest(() => socket.write('HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno')),
    retries: { attempts: 3, retryOn: '5xx' },
    allowed: ['503 no'],
    tries: [4, 4],
  },
];

const CASES: readonly ChaosCase[] = [
  ...SINGLE,
  ...MIXED.map((each): ChaosCase => ({ ...each, want: ['', '', 0] })),
];

/** Mulberry32, so that a seed gives the same order of things. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** The rules, of which those of the host `sound` change. */
const textOf = (generation: number): string => `${CASES.map(rulesOf).join('\n---\n')}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: sound }
spec:
  hosts: [sound]
  http:
    - headers: { response: { set: { x-generation: '${generation}' } } }
      retries: { attempts: 2, retryOn: 5xx, backoff: 1ms }
      route: [{ destination: { host: sound } }]
      mirror: { host: c${CASES.findIndex(({ name }) => name === 'never answers')} }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: sound }
spec: { host: sound, trafficPolicy: { loadBalancer: { simple: ${generation % 2 ? 'RANDOM' : 'LEAST_REQUEST'} } } }
`;

/** Counts a body's bytes; of what asks for that the first try fails once the body has come. */
async function openSound() {
  const tries = new Map<string, number>();
  const server = http.createServer((request, response) => {
    const id = `${request.headers['x-id']}`;
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    let bytes = 0;
    request.on('error', () => {});
    request.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      const fails = request.headers['x-fails'] === 'once' && count === 1;
      response.writeHead(fails ? 503 : 200).end(fails ? 'no' : `${bytes}`);
    });
  });
  return { ...(await start(server)), tries };
}

/** More than is kept for a retry. */
const LARGE_BYTES = 1536 * 1024;

test(`a gateway ends every call right for ${SECONDS} s of all that can go wrong`, {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const endpoints = await openEndpoints(CASES);
  const sound = await openSound();
  let publish: (generation: number) => Promise<void> = async () => {};
  const source: ConfigSource = {
    name: 'chaos',
    async start(onSnapshot) {
      publish = async (generation) => {
        const { resources, issues, refused } = await readText(textOf(generation), 'chaos.yaml');
        onSnapshot({ resources, issues, refused, unreadable: [] });
      };
      await publish(0);
    },
  };
  let outcomes = 0;
  const flags = new Map<string, number>();
  const gateway = createGateway({
    config: source,
    remoteServices: [
      ...CASES.map((each, index) => serviceOf(each, index, endpoints.ports[index]!)),
      remoteService('sound', [sound, sound]),
    ],
    metrics: {
      requestEnded({ flag = '-' }: RequestOutcome) {
        outcomes++;
        flags.set(flag, (flags.get(flag) ?? 0) + 1);
      },
    },
  });
  const { port } = await gateway.listen({ port: 0, servicePort: 80 });
  try {
    await chaos();
  } finally {
    // Else what is open keeps the process, and nobody is told what was wrong.
    await Promise.all([gateway.stop(0), endpoints.close(), sound.kill()]);
  }

  async function chaos(): Promise<void> {
    const untilMs = performance.now() + SECONDS * 1000;
    const isOver = (): boolean => performance.now() >= untilMs;
    const wrong: string[] = [];
    const asked = CASES.map(() => 0);
    let calls = 0;
    let left = 0;

    const within = async <T>(what: string, call: Promise<T>): Promise<T | undefined> => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise<undefined>((done) => {
        timer = setTimeout(() => {
          wrong.push(`${what}: has not ended`);
          done(undefined);
        }, LIMIT_MS);
      });
      const answer = await Promise.race([call, limit]);
      clearTimeout(timer);
      return answer;
    };

    /** To an endpoint that fails. */
    const askFaulty = async (index: number): Promise<void> => {
      const { name, allowed } = CASES[index]!;
      asked[index] = asked[index]! + 1;
      const answer = await within(name, askOnce(port, `c${index}`, `${calls}`));
      if (answer !== undefined && !allowed.includes(answer)) wrong.push(`${name}: ${answer}`);
    };

    /** To a sound one, with a body that may be tried again or not. */
    const askSound = async (id: string, random: () => number): Promise<void> => {
      const isLarge = random() < 0.2;
      const bytes = isLarge ? LARGE_BYTES : Math.floor(random() * 50_000);
      const fails = random() < 0.5;
      const answer = await within(
        `sound ${id}`,
        ask(port, {
          method: 'POST',
          headers: [
            'host',
            'sound',
            'x-id',
            id,
            'x-fails',
            fails ? 'once' : 'no',
            'content-length',
            `${bytes}`,
          ],
          body: new Uint8Array(bytes),
          agent: new http.Agent(),
        }).catch((error: Error) => ({ status: 0, body: error.message, headers: {} })),
      );
      if (!answer) return;
      const want = fails && isLarge ? '503 no' : `200 ${bytes}`;
      const got = `${answer.status} ${answer.body}`;
      const tries = sound.tries.get(id) ?? 0;
      sound.tries.delete(id);
      if (got !== want || tries !== (fails && !isLarge ? 2 : 1))
        wrong.push(
          `sound, ${bytes} bytes, ${fails ? 'failing once' : 'at once'}: ${got} after ${tries} tries`,
        );
    };

    /** Leaves in the middle of something. */
    const leave = async (random: () => number): Promise<void> => {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('POST / HTTP/1.1\r\nhost: sound\r\ncontent-length: 100000\r\n\r\n');
      for (let pieces = Math.floor(random() * 4); pieces > 0; pieces--) socket.write('x'.repeat(20_000));
      await sleep(random() * 20);
      socket.destroy();
      left++;
    };

    const work = async (number: number): Promise<void> => {
      const random = seeded(SEED * 1000 + number);
      for (let turn = 0; !isOver() && wrong.length < 20; turn++) {
        calls++;
        const dice = random();
        if (dice < 0.65) await askFaulty(Math.floor(random() * CASES.length));
        else if (dice < 0.9) await askSound(`${number}-${turn}`, random);
        else await leave(random);
        await sleep(random() * PAUSE_MS);
      }
    };
    let generation = 0;
    const reload = async (): Promise<void> => {
      for (; !isOver(); generation++) {
        await publish(generation);
        await sleep(150);
      }
    };
    await Promise.all([...Array.from({ length: WORKERS }, (_, number) => work(number)), reload()]);
    assert.deepEqual(wrong, [], `seed ${SEED}`);

    // Copies of what the sound host is asked go to one that never answers, and are under way until the end.
    const mirrored = CASES.findIndex(({ name }) => name === 'never answers');
    const active = (): string[] =>
      gateway
        .clusters()
        .filter(
          ({ host, endpoints: each }) =>
            !host.startsWith(`c${mirrored}.`) && each.some(({ active }) => active !== 0),
        )
        .map(({ name }) => name);
    const stopMs = performance.now() + LIMIT_MS;
    while ((outcomes < calls - left || active().length > 0) && performance.now() < stopMs) await sleep(50);
    assert.deepEqual(active(), [], 'nothing is under way');
    for (const [index, { name, tries }] of CASES.entries()) {
      const requests = endpoints.all[index]?.requests ?? 0;
      const [least, most] = tries;
      if (index === mirrored) continue;
      assert.ok(
        requests >= asked[index]! * least && requests <= asked[index]! * most,
        `${name}: ${requests} requests for ${asked[index]} calls`,
      );
    }
    await gateway.stop(0);
    const closedMs = performance.now() + LIMIT_MS;
    const open = (): number => endpoints.all.reduce((sum, each) => sum + (each?.open ?? 0), 0);
    while (open() > 0 && performance.now() < closedMs) await sleep(50);
    assert.equal(open(), 0, 'connections are closed');
    const told = [...flags].map(([flag, count]) => `${flag} ${count}`).join(', ');
    console.log(`${calls} calls, ${left} clients left, ${generation} rule sets; flags: ${told}`);
  }
});
