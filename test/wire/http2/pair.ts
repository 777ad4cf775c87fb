/** A client's and a server's engine with bytes in between, and everything that they tell. No socket, no clock. */
import { Http2ClientConnection } from '../../../wire/http2/client.ts';
import type { Http2Limits } from '../../../wire/http2/limit.ts';
import { Http2ServerConnection } from '../../../wire/http2/server.ts';
import {
  type Connection,
  type FieldList,
  NO_FIELDS,
  type RequestHead,
  type ResponseReceiver,
  type ServerEvents,
  type ServerStream,
  type Stream,
} from '../../../wire/stream.ts';
import { FrameReader } from './frame.ts';

/** Fields in words: `[a: b, c: d]`. */
export function inWords(fields: FieldList): string {
  return `[${fields.map(([name, value]) => `${name}: ${value}`).join(', ')}]`;
}

/** What the owner of a stream was told, in words; consumes what comes unless told not to. */
export class Told implements ResponseReceiver {
  readonly log: string[] = [];
  stream: Stream | undefined;
  receivedBytes = 0;
  sentBytes = 0;
  consumes = true;
  readonly chunks: Uint8Array[] = [];

  inform(status: number, headers: FieldList): void {
    this.log.push(`inform ${status} ${inWords(headers)}`);
  }
  response(status: number, headers: FieldList, hasEnded: boolean): void {
    this.log.push(`response ${status} ${inWords(headers)}${hasEnded ? ' ended' : ''}`);
  }
  data(chunk: Uint8Array): void {
    this.log.push(`data ${chunk.length}`);
    this.receivedBytes += chunk.length;
    this.chunks.push(chunk);
    if (this.consumes) this.stream?.consumed(chunk.length);
  }
  end(trailers: FieldList): void {
    this.log.push(`end ${inWords(trailers)}`);
  }
  reset(reason: string, detail: string): void {
    this.log.push(`reset ${reason}: ${detail}`);
  }
  sent(bytes: number): void {
    this.sentBytes += bytes;
  }
}

/** A request at the server. */
export class Call extends Told {
  readonly head: RequestHead;
  readonly server: ServerStream;

  constructor(stream: ServerStream, head: RequestHead, hasEnded: boolean) {
    super();
    this.server = stream;
    this.stream = stream;
    this.head = head;
    const { method, authority, path, headers, upgrade } = head;
    this.log.push(
      `request ${method} ${authority} ${path} ${inWords(headers)}${upgrade ? ` upgrade ${upgrade}` : ''}${hasEnded ? ' ended' : ''}`,
    );
  }
}

/** What a connection's owner was told. */
export class Owner {
  closed: string | undefined;
  wakes = 0;
  wake(): void {
    this.wakes++;
  }
  pauseInput(_isPaused: boolean): void {}
  close(detail: string): void {
    if (this.closed !== undefined) throw new Error('close() was told twice');
    this.closed = detail;
  }
}

/** The owner of a server's connection. `serve` answers each request as it comes. */
export class Server extends Owner implements ServerEvents {
  readonly calls: Call[] = [];
  serve: (call: Call) => void;

  constructor(serve: (call: Call) => void = () => {}) {
    super();
    this.serve = serve;
  }

  request(stream: ServerStream, head: RequestHead, hasEnded: boolean): Call {
    const call = new Call(stream, head, hasEnded);
    this.calls.push(call);
    this.serve(call);
    return call;
  }
}

/** Takes what a connection has to send, turn by turn, as long as there is any. */
export function takeOutput(connection: Connection): Uint8Array {
  const pieces: number[] = [];
  do {
    while (connection.output.length > 0) {
      for (const byte of connection.output.take()) pieces.push(byte);
      connection.flushed();
    }
    connection.turned();
  } while (connection.output.length > 0);
  return Uint8Array.from(pieces);
}

/** A server's engine that is fed raw frames. */
export class RawServer {
  readonly owner: Server;
  readonly connection: Http2ServerConnection;
  readonly #reader = new FrameReader();

  constructor(serve?: (call: Call) => void, limits?: Partial<Http2Limits>) {
    this.owner = new Server(serve);
    this.connection = new Http2ServerConnection(this.owner, { nowMs: 0, ...(limits && { limits }) });
  }

  /** The frames that it answers to these bytes, each in a turn of its own, in words. */
  send(...bytes: readonly Uint8Array[]): string[] {
    for (const piece of bytes) {
      this.connection.receive(piece);
      this.connection.turned();
    }
    return this.read();
  }

  read(): string[] {
    return this.#reader.read(takeOutput(this.connection)).map((each) => this.#reader.describe(each));
  }
}

/** A client's engine that is fed raw frames. Its first output is taken away. */
export class RawClient {
  readonly owner = new Owner();
  readonly connection: Http2ClientConnection;
  readonly #reader = new FrameReader();

  constructor(limits?: Partial<Http2Limits>, firstStreamId?: number) {
    this.connection = new Http2ClientConnection(this.owner, {
      nowMs: 0,
      ...(limits && { limits }),
      ...(firstStreamId !== undefined && { firstStreamId }),
    });
    this.read();
  }

  open(head: Partial<RequestHead> = {}, hasEnded = true): { readonly stream: Stream; readonly told: Told } {
    const told = new Told();
    const stream = this.connection.open(headOf(head), hasEnded, told);
    told.stream = stream;
    return { stream, told };
  }

  send(...bytes: readonly Uint8Array[]): string[] {
    for (const piece of bytes) this.connection.receive(piece);
    return this.read();
  }

  read(): string[] {
    return this.#reader.read(takeOutput(this.connection)).map((each) => this.#reader.describe(each));
  }
}

/** A head with what is usual. */
export function headOf(head: Partial<RequestHead>): RequestHead {
  return { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: NO_FIELDS, ...head };
}

export interface PairOptions {
  readonly serve?: (call: Call) => void;
  readonly clientLimits?: Partial<Http2Limits>;
  readonly serverLimits?: Partial<Http2Limits>;
  readonly firstStreamId?: number;
}

/** Both sides; {@link run} carries bytes until neither has more to say. */
export class Pair {
  readonly clientOwner = new Owner();
  readonly owner: Server;
  readonly client: Http2ClientConnection;
  readonly server: Http2ServerConnection;
  /** Frames in words, `>` from the client and `<` from the server. */
  readonly frames: string[] = [];
  readonly #fromClient = new FrameReader();
  readonly #fromServer = new FrameReader();

  constructor({ serve, clientLimits, serverLimits, firstStreamId }: PairOptions = {}) {
    this.owner = new Server(serve);
    this.client = new Http2ClientConnection(this.clientOwner, {
      nowMs: 0,
      ...(clientLimits && { limits: clientLimits }),
      ...(firstStreamId !== undefined && { firstStreamId }),
    });
    this.server = new Http2ServerConnection(this.owner, {
      nowMs: 0,
      ...(serverLimits && { limits: serverLimits }),
    });
  }

  /** Carries bytes until neither side has any. */
  run(): void {
    for (let turns = 0; this.client.output.length + this.server.output.length > 0; turns++) {
      if (turns > 100_000) throw new Error('The connection does not come to rest');
      this.toServer();
      this.toClient();
    }
  }

  toServer(): void {
    const bytes = takeOutput(this.client);
    for (const each of this.#fromClient.read(bytes)) this.frames.push(`> ${this.#fromClient.describe(each)}`);
    if (bytes.length > 0 && this.owner.closed === undefined) this.server.receive(bytes);
  }

  toClient(): void {
    const bytes = takeOutput(this.server);
    for (const each of this.#fromServer.read(bytes)) this.frames.push(`< ${this.#fromServer.describe(each)}`);
    if (bytes.length > 0 && this.clientOwner.closed === undefined) this.client.receive(bytes);
  }

  open(head: Partial<RequestHead> = {}, hasEnded = true): { readonly stream: Stream; readonly told: Told } {
    const told = new Told();
    const stream = this.client.open(headOf(head), hasEnded, told);
    told.stream = stream;
    return { stream, told };
  }
}

/** What both sides describe when nothing is under way and all windows are as they were at first. */
export const RESTED = 'receives 1048576';
