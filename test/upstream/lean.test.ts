/** Every call is asked twice, of the lean way and of Connect's own handlers: nobody can tell one from the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextKey,
  type HandlerContext,
} from '@connectrpc/connect';
import { leanCalls } from '../../upstream/in-process/lean.ts';
import { LeanCall } from '../../upstream/in-process/lean-call.ts';
import { CountedStream } from '../../upstream/in-process/size-limit.ts';
import { createConnectUpstream } from '../../upstream/in-process.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { COMPRESSED_FLAG, encodeEnvelope } from '../../wire/grpc/envelope.ts';
import { type Field, NO_FIELDS } from '../../wire/stream.ts';
import { Echo } from '../gateway/echo.ts';
import { ask, cancel, Exchange, head, utf8 } from './exchange.ts';

const MAX_BYTES = 5000;

const answers = (value: string) => ({ value });
const user = createContextKey('nobody');

/** What a handler can learn from its context, of all that does not hang on the time. */
function describe(context: HandlerContext): string {
  const { method, service, requestMethod, protocolName, url, requestHeader, values } = context;
  const copy = { ...context };
  return JSON.stringify({
    method: method.name,
    service: service.typeName,
    requestMethod,
    protocolName,
    url,
    headers: [...requestHeader],
    user: values.get(user),
    set: values.set(user, 'somebody').get(user),
    isAborted: context.signal.aborted,
    timeout: typeof context.timeoutMs(),
    isSame: context.signal === copy.signal && context.responseHeader === copy.responseHeader,
    copy: [
      copy.url,
      copy.protocolName,
      [...copy.responseHeader],
      [...copy.responseTrailer],
      copy.signal.aborted,
    ],
    has: ['signal' in context, 'nothing' in context, Object.hasOwn(context, 'url'), `${context}`],
  });
}

const aborted = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const tell = () =>
      resolve(signal.reason instanceof Error ? signal.reason.name + signal.reason.message : '?');
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });

const signals: AbortSignal[] = [];
const contexts: HandlerContext[] = [];

/** What the handler does, by the request's value. */
const behaviours: Record<string, (context: HandlerContext) => unknown> = {
  'answers at once': () => answers('at once'),
  'answers later': async () => answers('later'),
  'answers an empty message': () => ({}),
  'answers a long message': () => answers('long '.repeat(400)),
  // Around the length from which on answers are compressed, whatever is before the text.
  'answers a thousand bytes and more': (context) =>
    answers('x'.repeat(1010 + Number(context.requestHeader.get('x-more') ?? 0))),
  'answers a very long message': () => answers('x'.repeat(300_000)),
  'answers what is no message': () => ({ value: 5 }),
  'answers nothing': () => undefined,
  'answers by a promise of another make': () => ({
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
    then: (resolve: (value: unknown) => void) => resolve(answers('thenable')),
  }),
  'sets headers and trailers': (context) => {
    context.responseHeader.append('x-a', '1');
    context.responseHeader.append('x-a', '2');
    context.responseHeader.append('set-cookie', 'a=1');
    context.responseHeader.append('set-cookie', 'b=2');
    context.responseHeader.set('x-latin', 'caf\xe9');
    context.responseTrailer.set('x-trailer-bin', 'AAEC');
    context.responseTrailer.set('x-latin', 'caf\xe9');
    return answers('set');
  },
  'sets headers alone': ({ responseHeader }) => {
    responseHeader.set('content-type', 'application/x');
    return answers('set');
  },
  'sets long trailers': ({ responseTrailer }) => {
    responseTrailer.set('x-long', 'long '.repeat(400));
    return answers('set');
  },
  'reads its context': (context) => answers(describe(context)),
  'writes on its context': (context) => {
    const own = context as HandlerContext & { mine?: string };
    own.mine = 'mine';
    return answers(`${own.mine} ${'mine' in own} ${Object.keys({ ...own }).includes('mine')}`);
  },
  'fails with details': (context) => {
    context.responseHeader.set('x-before', 'yes');
    context.responseTrailer.set('x-trailer', 'yes');
    throw new ConnectError(
      'no such thing: 100% Grüße',
      Code.NotFound,
      { 'x-detail': 'd', 'content-type': 'no', 'grpc-status': '1' },
      [{ desc: StringValueSchema, value: { value: 'detail' } }],
    );
  },
  'fails later': async () => {
    throw new ConnectError('later', Code.Aborted);
  },
  'fails without words': () => {
    throw new ConnectError('', Code.Unavailable);
  },
  'fails at length': () => {
    throw new ConnectError('long '.repeat(400), Code.Internal);
  },
  'fails with what another server said': () => {
    const error = new ConnectError('from elsewhere', Code.DataLoss, { 'x-secret': 's' });
    throw Object.assign(error, { isWireError: true });
  },
  'fails with what cannot be written': () => {
    throw new ConnectError('\ud800', Code.Internal);
  },
  'throws an error': () => {
    throw new TypeError('a secret');
  },
  'throws a text': () => {
    throw 'a secret';
  },
  'throws undefined': () => {
    throw undefined;
  },
  'keeps its signal': ({ signal }) => {
    signals.push(signal);
    return answers('kept');
  },
  'keeps its signal and fails': ({ signal }) => {
    signals.push(signal);
    throw new ConnectError('kept', Code.Aborted);
  },
  'keeps its context': (context) => {
    contexts.push(context);
    return answers('kept');
  },
  'waits for its signal': async ({ signal, timeoutMs }) => {
    const left = timeoutMs();
    assert.ok(left === undefined || left <= 20, `${left}`);
    return answers(`${await aborted(signal)} ${timeoutMs() !== undefined}`);
  },
};

const routes = (router: ConnectRouter): void => {
  router.service(Echo, {
    unary: ({ value }, context) =>
      (behaviours[value]?.(context) ?? (value === '' ? answers('empty') : undefined)) as never,
  });
};

const lean = createConnectUpstream(routes, { maxMessageBytes: MAX_BYTES, shortcut: leanCalls });
const universal = createConnectUpstream(routes, { maxMessageBytes: MAX_BYTES });
const path = '/test.Echo/Unary';

interface Protocol {
  readonly contentType: string;
  readonly encode: (value: string) => Uint8Array;
  readonly acceptEncoding: string;
  readonly encoding: string;
  readonly timeout: (timeoutMs: number) => Field;
}
const proto = (value: string) =>
  toBinary(StringValueSchema, { $typeName: 'google.protobuf.StringValue', value });
const grpc = {
  encode: (value: string) => encodeEnvelope(0, proto(value)),
  acceptEncoding: 'grpc-accept-encoding',
  encoding: 'grpc-encoding',
  timeout: (timeoutMs: number): Field => ['grpc-timeout', `${timeoutMs}m`],
};
const connect = {
  acceptEncoding: 'accept-encoding',
  encoding: 'content-encoding',
  timeout: (timeoutMs: number): Field => ['connect-timeout-ms', `${timeoutMs}`],
};
const protocols: Record<string, Protocol> = {
  gRPC: { ...grpc, contentType: 'application/grpc' },
  'gRPC-Web': { ...grpc, contentType: 'application/grpc-web+proto' },
  'Connect proto': { ...connect, contentType: 'application/proto', encode: proto },
  'Connect JSON': {
    ...connect,
    contentType: 'application/json',
    encode: (value) => utf8(JSON.stringify(value)),
  },
};

interface Case {
  readonly name: string;
  readonly headers?: readonly Field[];
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  /** Undefined: no body. */
  readonly pieces?: readonly Uint8Array[] | undefined;
  /** Whether the lean way takes it at first. Default true. */
  readonly isLean?: boolean;
}

function casesOf({ contentType, encode, acceptEncoding, encoding, timeout }: Protocol): Case[] {
  const isGrpc = contentType.startsWith('application/grpc');
  const body = encode('answers at once');
  const half = body.length >> 1;
  const irregular = (name: string, ...headers: Field[]): Case => ({
    name,
    headers,
    pieces: [body],
    isLean: false,
  });
  return [
    ...Object.keys(behaviours)
      .filter((name) => name !== 'waits for its signal')
      .flatMap((name): Case[] => [
        { name, pieces: [encode(name)] },
        { name: `${name} in gzip`, headers: [[acceptEncoding, 'br, gzip']], pieces: [encode(name)] },
      ]),
    ...Array.from(
      { length: 20 },
      (_, more): Case => ({
        name: `an answer of ${1010 + more} characters`,
        headers: [
          [acceptEncoding, 'gzip'],
          ['x-more', `${more}`],
        ],
        pieces: [encode('answers a thousand bytes and more')],
      }),
    ),
    { name: 'an empty message', pieces: [encode('')] },
    { name: 'byte by byte', pieces: [...body].map((byte) => new Uint8Array([byte])) },
    {
      name: 'two pieces and an empty one',
      pieces: [body.slice(0, half), new Uint8Array(0), body.slice(half)],
    },
    { name: 'no piece', pieces: [] },
    { name: 'no body', pieces: undefined },
    { name: 'half a message', pieces: [body.slice(0, half)] },
    { name: 'two bytes', pieces: [body.slice(0, 2)] },
    { name: 'two messages', pieces: [body, body] },
    { name: 'a message and a byte', pieces: [body, new Uint8Array(1)] },
    { name: 'a bad message', pieces: [isGrpc ? encodeEnvelope(0, utf8('\x0a\x7f')) : utf8('\x0a\x7f{')] },
    { name: 'the largest message', pieces: [encode('x'.repeat(MAX_BYTES - 3))] },
    { name: 'a message too large', pieces: [encode('x'.repeat(MAX_BYTES + 1))] },
    {
      name: 'a message too large in pieces',
      pieces: Array.from({ length: 50 }, () => encode('x'.repeat(200))),
    },
    {
      name: 'a compressed message unannounced',
      pieces: [encodeEnvelope(COMPRESSED_FLAG, gzipSync(proto('x')))],
    },
    { name: 'a flag nobody knows', pieces: [encodeEnvelope(2, proto('answers at once'))] },
    { name: 'a flag of trailers', pieces: [encodeEnvelope(0x80, proto('answers at once'))] },
    { name: 'a length beyond all limits', pieces: [new Uint8Array([0, 255, 255, 255, 255, 1])] },
    { name: 'a deadline', headers: [timeout(60_000)], pieces: [encode('reads its context')] },
    { name: 'a deadline that is over', headers: [timeout(0)], pieces: [encode('waits for its signal')] },
    { name: 'a deadline that passes', headers: [timeout(20)], pieces: [encode('waits for its signal')] },
    {
      name: 'headers of another protocol',
      headers: [
        ['grpc-timeout', '1H'],
        ['connect-timeout-ms', '99999'],
        ['content-encoding', 'identity'],
        ['grpc-encoding', 'identity'],
      ],
      pieces: [encode('reads its context')],
    },
    {
      name: 'repeated headers',
      headers: [
        ['x-a', '1'],
        ['x-b', 'caf\xe9'],
        ['x-a', '2'],
        ['cookie', 'a=1'],
        ['cookie', 'b=2'],
      ],
      path: `${path}?a=b%20c`,
      pieces: [encode('reads its context')],
    },
    { name: 'another authority', authority: '[::1]:8080', pieces: [encode('reads its context')] },
    { name: 'no authority', authority: '', pieces: [encode('answers at once')], isLean: isGrpc },
    {
      name: 'an authority that is none',
      authority: 'a:b',
      pieces: [encode('answers at once')],
      isLean: isGrpc,
    },
    {
      name: 'an encoding accepted that is none',
      headers: [[acceptEncoding, 'gzip;q=0, zip']],
      pieces: [encode('answers a long message')],
    },
    {
      name: 'an empty list of encodings',
      headers: [[acceptEncoding, '']],
      pieces: [encode('answers a long message')],
    },
    irregular('an encoding nobody knows', [encoding, 'zip']),
    irregular('an empty encoding', [encoding, '']),
    {
      ...irregular('a compressed message', [encoding, 'gzip']),
      pieces: [isGrpc ? encodeEnvelope(COMPRESSED_FLAG, gzipSync(body.slice(5))) : gzipSync(body)],
    },
    irregular('two encodings', [encoding, 'identity'], [encoding, 'identity']),
    irregular('a deadline that is none', [timeout(0)[0], 'soon']),
    irregular('two deadlines', timeout(1), timeout(2)),
    irregular('two content types', ['content-type', contentType]),
    { ...irregular('another method'), method: 'PUT' },
    { ...irregular('a GET'), method: 'GET', pieces: undefined },
    { ...irregular('a HEAD'), method: 'HEAD', pieces: undefined },
    ...(isGrpc
      ? [{ name: 'a length that is wrong', headers: [['content-length', '1']] as Field[], pieces: [body] }]
      : [
          { name: 'a length', headers: [['content-length', `${body.length}`]] as Field[], pieces: [body] },
          { name: 'a length too small', headers: [['content-length', '3']] as Field[], pieces: [body] },
          { name: 'a length too large', headers: [['content-length', '400']] as Field[], pieces: [body] },
          { name: 'a length of nothing', headers: [['content-length', '0']] as Field[], pieces: undefined },
          { ...irregular('a length beyond the limit', ['content-length', `${MAX_BYTES + 1}`]) },
          { ...irregular('a length that is none', ['content-length', '-1']) },
        ]),
  ];
}

async function outcome(upstream: Upstream, contentType: string, each: Case) {
  const request = head({
    path: each.path ?? path,
    method: each.method ?? 'POST',
    authority: each.authority ?? 'echo:80',
    headers: [['x-first', '1'], ['content-type', contentType], ...(each.headers ?? [])],
  });
  const exchange = await ask(upstream, request, each.pieces);
  const { stream, events, headers, trailers, bytes, sentBytes } = exchange;
  // The credit of a request that failed may be told after all else.
  const given = (each.pieces ?? []).reduce((sum, { length }) => sum + length, 0);
  if (!events.at(-1)!.startsWith('reset')) await exchange.until(() => exchange.sentBytes >= given);
  return {
    isLean: (stream instanceof CountedStream ? stream.stream : stream) instanceof LeanCall,
    told: { events, headers, trailers, bytes, sentBytes },
  };
}

for (const [name, protocol] of Object.entries(protocols)) {
  test(`a unary call by ${name} is answered the same on the lean way`, async () => {
    for (const each of casesOf(protocol)) {
      const got = await outcome(lean, protocol.contentType, each);
      const want = await outcome(universal, protocol.contentType, each);
      assert.deepEqual(got.told, want.told, each.name);
      assert.deepEqual([got.isLean, want.isLean], [each.isLean ?? true, false], each.name);
    }
  });
}

for (const contentType of [
  'application/grpc+proto',
  'application/grpc+json',
  'application/grpc-web',
  'application/grpc-web-text',
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/connect+proto',
  'text/plain',
  '',
])
  test(`a unary call of content type "${contentType}" is answered the same on the lean way`, async () => {
    const each = { name: contentType, pieces: [encodeEnvelope(0, proto('answers at once'))] };
    const got = await outcome(lean, contentType, each);
    const want = await outcome(universal, contentType, each);
    assert.deepEqual(got.told, want.told);
    assert.equal(got.isLean, ['application/grpc+proto', 'application/grpc-web'].includes(contentType));
  });

test('a lean call is answered with the message', async () => {
  const each = { name: '', pieces: [protocols['gRPC']!.encode('answers later')] };
  const { told } = await outcome(lean, 'application/grpc', each);
  assert.deepEqual(told.events, ['response 200', 'data', 'end']);
  assert.deepEqual(told.headers, [['content-type', 'application/grpc+proto']]);
  assert.deepEqual(told.trailers, [['grpc-status', '0']]);
  assert.equal(fromBinary(StringValueSchema, new Uint8Array(told.bytes.slice(5))).value, 'later');
});

for (const [kind, upstream] of [
  ['lean', lean],
  ['Connect', universal],
] as const) {
  for (const [name, { contentType, encode, timeout }] of Object.entries(protocols)) {
    const open = (value: string, ...headers: Field[]) => {
      const request = head({ path, headers: [['content-type', contentType], ...headers] });
      const exchange = new Exchange(upstream, request, false);
      exchange.stream.write(encode(value));
      return exchange;
    };

    test(`a handler called by ${name} on the ${kind} way sees its signal abort when its caller goes`, async () => {
      const asked = Promise.withResolvers<HandlerContext>();
      behaviours['waits'] = async (context) => {
        asked.resolve(context);
        return answers(await aborted(context.signal));
      };
      const exchange = open('waits', timeout(60_000));
      exchange.stream.end(NO_FIELDS);
      const { signal } = await asked.promise;
      assert.equal(signal.aborted, false);
      cancel(exchange);
      assert.equal(signal.aborted, true);
      assert.equal(signal.reason.name, 'AbortError');
      await new Promise((resolve) => setTimeout(resolve));
      assert.deepEqual(exchange.events, []);
    });

    test(`a handler called by ${name} on the ${kind} way does not run for a caller who has gone`, async () => {
      let hasRun = false;
      behaviours['runs'] = () => {
        hasRun = true;
        return answers('ran');
      };
      const early = open('runs');
      cancel(early);
      early.stream.end(NO_FIELDS);
      const late = open('runs');
      late.stream.end(NO_FIELDS);
      cancel(late);
      await new Promise((resolve) => setTimeout(resolve));
      assert.equal(hasRun, false);
      assert.deepEqual([...early.events, ...late.events], []);
    });

    test(`a handler called by ${name} on the ${kind} way has an aborted signal after its answer`, async () => {
      for (const value of ['keeps its signal', 'keeps its signal and fails', 'keeps its context']) {
        const exchange = open(value, timeout(60_000));
        exchange.stream.end(NO_FIELDS);
        await exchange.over;
      }
      const [answered, failed] = signals.splice(0);
      assert.equal(answered!.reason.name, 'AbortError');
      assert.ok(failed!.aborted);
      assert.ok(contexts.splice(0)[0]!.signal.aborted);
    });
  }
}

test('a service with interceptors is left to Connect, and so is one registered again with them', async () => {
  const seen: string[] = [];
  const upstream = createConnectUpstream(
    (router) => {
      router.service(Echo, { unary: () => answers('first') });
      router.rpc(Echo.method.unary, () => answers('second'), {
        interceptors: [
          (next) => (request) => {
            seen.push(request.url);
            return next(request);
          },
        ],
      });
    },
    { maxMessageBytes: MAX_BYTES, shortcut: leanCalls },
  );
  const { told, isLean } = await outcome(upstream, 'application/json', { name: '', pieces: [utf8('"x"')] });
  assert.equal(new TextDecoder().decode(new Uint8Array(told.bytes)), '"second"');
  assert.equal(isLean, false);
  assert.deepEqual(seen, [`http://echo:80${path}`]);
});

test('the last registration of a method answers, and `this` is its implementation', async () => {
  const routes = (router: ConnectRouter) => {
    const implementation = {
      word: 'this',
      unary() {
        return answers(this.word);
      },
    };
    router.rpc(Echo.method.unary, () => answers('first')).service(Echo, implementation);
  };
  for (const isLean of [true, false]) {
    const upstream = createConnectUpstream(routes, {
      maxMessageBytes: MAX_BYTES,
      ...(isLean && { shortcut: leanCalls }),
    });
    const each = { name: '', pieces: [utf8('"x"')] };
    const { told, isLean: wasLean } = await outcome(upstream, 'application/json', each);
    assert.equal(new TextDecoder().decode(new Uint8Array(told.bytes)), '"this"');
    assert.equal(wasLean, isLean);
  }
});

test('a large request is credited while it comes, to the last byte', async () => {
  const upstream = createConnectUpstream(routes, { maxMessageBytes: 1 << 20, shortcut: leanCalls });
  const body = encodeEnvelope(0, proto('x'.repeat(200_000)));
  // A byte too many: what was credited before is not credited again by Connect's handlers.
  for (const extra of [0, 1]) {
    const exchange = new Exchange(
      upstream,
      head({ path, headers: [['content-type', 'application/grpc']] }),
      false,
    );
    for (let at = 0; at < body.length; at += 10_000) {
      exchange.stream.write(body.slice(at, at + 10_000));
      await exchange.until(() => exchange.sentBytes === Math.min(at + 10_000, body.length));
    }
    exchange.stream.write(new Uint8Array(extra));
    exchange.stream.end(NO_FIELDS);
    await exchange.over;
    assert.equal(exchange.sentBytes, body.length + extra);
  }
});
