/**
 * The upstreams of a case: each endpoint is a port of its own that speaks HTTP/1.1 and HTTP/2, does what the request's
 * script says and writes down what it saw. Ports are opened once and named anew for each case.
 */
import { listen } from '../../gateway/listener/index.ts';
import type { ConnectionFacts, Listening } from '../../gateway/listener/listening.ts';
import { isGrpcContentType } from '../../router/index.ts';
import {
  ERROR_CODE,
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type ServerStream,
} from '../../wire/stream.ts';
import { pairsOf } from './router-mode.ts';
import type { ScriptedAnswer } from './world.ts';

/** A request as an upstream saw it, in the order in which they came. */
export interface Seen {
  /** Of the request: its `x-oracle-id`. */
  readonly id: string;
  readonly endpoint: string;
  readonly proto: 'h1' | 'h2';
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly headers: FieldList;
  /** Once it has come. */
  body: string | undefined;
}

/** What an endpoint needs to know. */
export interface EndpointRole {
  readonly name: string;
  /** See `Case`. */
  readonly isRecordedHere: boolean;
  /** The script of a request; a copy's is empty. */
  scriptOf(id: string, endpoint: string): ScriptedAnswer;
  seen(request: Seen): void;
}

/** A port that plays an endpoint. */
export class UpstreamPort {
  readonly port: number;
  role: EndpointRole | undefined;
  readonly #listening: Listening;

  constructor(listening: Listening, serve: { port?: UpstreamPort }) {
    this.#listening = listening;
    this.port = listening.port;
    serve.port = this;
  }

  close(): Promise<number> {
    return this.#listening.close(0);
  }
}

/** Opens a port for an endpoint to be named later. */
export async function openUpstreamPort(): Promise<UpstreamPort> {
  const holder: { port?: UpstreamPort } = {};
  const listening = await listen(
    { port: 0, hostname: '127.0.0.1', limits: { http1: { allowCustomMethods: true } } },
    (stream, head, hasEnded, facts) => answer(holder.port?.role, stream, head, hasEnded, facts),
    () => {},
  );
  return new UpstreamPort(listening, holder);
}

function answer(
  role: EndpointRole | undefined,
  stream: ServerStream,
  head: RequestHead,
  hasEnded: boolean,
  { http2 }: ConnectionFacts,
) {
  const { method, path, authority } = head;
  const id = head.headers.find(([name]) => name === 'x-oracle-id')?.[1] ?? '';
  const endpoint = role?.name ?? 'nobody';
  const headers = head.headers.filter(([name]) => name !== 'x-oracle-id');
  const seen: Seen = {
    id,
    endpoint,
    proto: http2 ? 'h2' : 'h1',
    method,
    path,
    authority,
    headers,
    body: undefined,
  };
  role?.seen(seen);
  const script = role?.scriptOf(id, endpoint) ?? { status: 500 };
  const chunks: Uint8Array[] = [];
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const play = (): void => {
    if (script.reset) stream.reset(ERROR_CODE.INTERNAL_ERROR);
    else if (role?.isRecordedHere) answerAsHere(stream, script, seen);
    else answerAsElsewhere(stream, script, seen);
  };
  const complete = (): void => {
    seen.body = new TextDecoder().decode(Buffer.concat(chunks));
    if (script.delayMs) timer = setTimeout(() => isOver || play(), script.delayMs);
    else play();
  };
  if (hasEnded) complete();
  return {
    data(chunk: Uint8Array) {
      chunks.push(chunk.slice());
      stream.consumed(chunk.length);
    },
    end: complete,
    reset() {
      isOver = true;
      clearTimeout(timer);
    },
    sent() {},
  };
}

/** As the upstreams of `record/` answer. */
function answerAsHere(stream: ServerStream, script: ScriptedAnswer, seen: Seen): void {
  const { status = 200, grpcStatus = 0, trailersOnly } = script;
  const isHttp1 = seen.proto === 'h1';
  const isGrpc = !isHttp1 && isGrpcRequest(seen);
  const body = new TextEncoder().encode(`upstream ${seen.endpoint}`);
  const scripted = pairsOf(script.headers);
  const usual: FieldList = [
    ['x-upstream', seen.endpoint],
    ['server', 'oracle-upstream'],
    ['content-type', isGrpc ? 'application/grpc' : 'text/plain'],
    ...(isHttp1 ? [['content-length', `${body.length}`] as const] : []),
  ];
  const headers = [
    ...usual.filter(([name]) => !scripted.some(([own]) => own.toLowerCase() === name)),
    ...scripted,
  ];
  const outcome: FieldList = [['grpc-status', `${grpcStatus}`]];
  if (isGrpc && trailersOnly) return stream.respond(status, [...headers, ...outcome], true);
  if (seen.method === 'HEAD' || status === 204 || status === 304)
    return stream.respond(status, headers, true);
  stream.respond(status, headers, false);
  stream.write(isGrpc ? new Uint8Array(5) : body);
  stream.end(isGrpc ? outcome : NO_FIELDS);
}

function isGrpcRequest({ headers }: Seen): boolean {
  return isGrpcContentType(headers.find(([name]) => name === 'content-type')?.[1]);
}

/** As the upstreams answered that the other cases were recorded with. */
function answerAsElsewhere(stream: ServerStream, script: ScriptedAnswer, seen: Seen): void {
  const { endpoint, method } = seen;
  const isGrpc = isGrpcRequest(seen);
  const { status = 200, grpcStatus, trailersOnly } = script;
  const own: FieldList = [
    ['x-upstream', endpoint],
    ['server', 'oracle-upstream'],
  ];
  const scripted = pairsOf(script.headers);
  if (isGrpc && status === 200) {
    const grpc: FieldList = [['content-type', 'application/grpc'], ...scripted];
    const outcome: FieldList = [['grpc-status', `${grpcStatus ?? 0}`]];
    if (trailersOnly) {
      stream.respond(
        200,
        [...own, ...grpc, ['content-length', '0'], ...outcome, ['grpc-message', 'scripted']],
        true,
      );
      return;
    }
    stream.respond(200, [...own, ...grpc], false);
    if (grpcStatus === undefined) stream.write(new Uint8Array(5));
    stream.end(outcome);
    return;
  }
  const body = new TextEncoder().encode(`upstream ${endpoint}`);
  const headers: FieldList = [
    ...own,
    ['content-type', 'text/plain'],
    ['content-length', `${body.length}`],
    ...scripted,
  ];
  if (method === 'HEAD') {
    stream.respond(
      status,
      [...own, ['content-type', 'text/plain'], ['content-length', '0'], ...scripted],
      true,
    );
    return;
  }
  stream.respond(status, headers, false);
  stream.write(body);
  stream.end(NO_FIELDS);
}
