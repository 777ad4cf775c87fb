/** A server's and a client's connection without sockets, whose events are noted as lines of text. */
import { Http1ClientConnection } from '../../../wire/http1/client.ts';
import type { Http1Limits } from '../../../wire/http1/limit.ts';
import { Http1ServerConnection } from '../../../wire/http1/server.ts';
import type {
  Connection,
  ConnectionEvents,
  FieldList,
  RequestHead,
  ResponseReceiver,
  ServerStream,
  Stream,
  StreamReceiver,
} from '../../../wire/stream.ts';
import { bytesOf, textOf } from '../corpus/corpus.ts';

/** Bytes of a text, one a character. */
export const bytes = bytesOf;

/** Takes what a connection has to send. */
export function takeOutput(connection: Connection): string {
  const text = textOf(connection.output.view());
  connection.output.shift(connection.output.length);
  connection.flushed();
  connection.turned();
  return text;
}

function printFields(fields: FieldList): string {
  return fields.map(([name, value]) => ` ${name}=${value}`).join('');
}

function noteStream(log: string[]): StreamReceiver {
  return {
    data: (chunk) => log.push(`data ${textOf(chunk)}`),
    end: (trailers) => log.push(`end${printFields(trailers)}`),
    reset: (reason, detail) => log.push(`reset ${reason}: ${detail}`),
    sent: (count) => log.push(`sent ${count}`),
  };
}

function noteConnection(log: string[]): ConnectionEvents {
  return {
    wake: () => log.push('wake'),
    pauseInput: (isPaused) => log.push(isPaused ? 'pause' : 'resume'),
    close: (detail) => log.push(`close: ${detail}`),
  };
}

/** A server that does as much in one turn as it is asked for; requests are answered by the test, or by `answer` from within `request`. */
export class ServerWorld {
  readonly log: string[] = [];
  readonly streams: ServerStream[] = [];
  readonly heads: RequestHead[] = [];
  /** Told of data in the place of the log. */
  onData: ((chunk: Uint8Array) => void) | undefined;
  readonly connection: Http1ServerConnection;

  constructor(
    options: {
      limits?: Partial<Http1Limits>;
      answer?: (stream: ServerStream) => void;
      explains?: boolean;
    } = {},
  ) {
    const { limits, answer, explains = false } = options;
    this.connection = new Http1ServerConnection(
      {
        ...noteConnection(this.log),
        request: (stream, head, hasEnded) => {
          this.streams.push(stream);
          this.heads.push(head);
          this.log.push(`request ${head.method} ${head.path}${hasEnded ? '' : ' ...'}`);
          answer?.(stream);
          const receiver = noteStream(this.log);
          const { data } = receiver;
          receiver.data = (chunk) => (this.onData ?? data)(chunk);
          return receiver;
        },
      },
      {
        scheme: 'http',
        nowMs: 0,
        explains,
        limits: { maxRequestsPerTurn: Number.POSITIVE_INFINITY, ...limits },
      },
    );
  }

  /** The stream of the last request. */
  get stream(): ServerStream {
    return this.streams.at(-1)!;
  }

  receive(text: string): this {
    this.connection.receive(bytes(text));
    return this;
  }

  output(): string {
    return takeOutput(this.connection);
  }

  /** What has been noted since this was asked last, `wake` left out. */
  events(): string[] {
    return this.log.splice(0).filter((line) => line !== 'wake');
  }
}

/** A client. */
export class ClientWorld {
  readonly log: string[] = [];
  readonly connection: Http1ClientConnection;

  constructor(limits?: Partial<Http1Limits>) {
    this.connection = new Http1ClientConnection(noteConnection(this.log), {
      nowMs: 0,
      ...(limits && { limits }),
    });
  }

  /** Sends a request; what is not said is that of `GET /` to `a`. */
  open(head: Partial<RequestHead> = {}, hasEnded = true, receiver: Partial<ResponseReceiver> = {}): Stream {
    return this.connection.open(
      { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: [], ...head },
      hasEnded,
      {
        ...noteStream(this.log),
        inform: (status, fields) => this.log.push(`inform ${status}${printFields(fields)}`),
        response: (status, fields, isWhole) =>
          this.log.push(`response ${status}${printFields(fields)}${isWhole ? '' : ' ...'}`),
        ...receiver,
      },
    );
  }

  receive(text: string): this {
    this.connection.receive(bytes(text));
    return this;
  }

  output(): string {
    return takeOutput(this.connection);
  }

  /** What has been noted since this was asked last, `wake` left out. */
  events(): string[] {
    return this.log.splice(0).filter((line) => line !== 'wake');
  }
}
