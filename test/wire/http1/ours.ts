/** What the engines of wire/http1 make of an input, in the notation of the corpus. */
import { Http1ClientConnection } from '../../../wire/http1/client.ts';
import type { Http1Limits } from '../../../wire/http1/limit.ts';
import { Http1ServerConnection } from '../../../wire/http1/server.ts';
import type {
  FieldList,
  RequestHead,
  ServerEvents,
  ServerStream,
  StreamReceiver,
} from '../../../wire/stream.ts';
import { type Passed, printPassed, textOf } from '../corpus/corpus.ts';

interface Seen {
  line: string;
  fields: FieldList;
  body: string;
  trailers: FieldList;
  hasEnded: boolean;
  upgrade?: string | undefined;
}

/** Feeds a server the pieces; every request is answered 200 at its end. Returns the outcome. */
export function serverOutcome(pieces: readonly Uint8Array[], limits?: Partial<Http1Limits>): string {
  const seen: Seen[] = [];
  let isClosed = false;
  let isAwake = false;
  const events: ServerEvents = {
    wake() {
      isAwake = true;
    },
    pauseInput() {},
    close() {
      isClosed = true;
    },
    request(stream: ServerStream, head: RequestHead, hasEnded: boolean): StreamReceiver {
      const request: Seen = {
        line: `${head.method} ${head.authority || '-'} ${head.path || '-'}`,
        fields: head.headers,
        body: '',
        trailers: [],
        hasEnded,
        upgrade: head.upgrade,
      };
      seen.push(request);
      const answer = () => {
        request.hasEnded = true;
        stream.respond(head.method === 'CONNECT' ? 405 : 200, [], true);
      };
      if (hasEnded || head.upgrade !== undefined) answer();
      return {
        data(chunk) {
          request.body += textOf(chunk);
          stream.consumed(chunk.length);
        },
        end(trailers) {
          request.trailers = trailers;
          answer();
        },
        reset() {},
        sent() {},
      };
    },
  };
  const connection = new Http1ServerConnection(events, {
    scheme: 'http',
    nowMs: 0,
    ...(limits && { limits }),
  });
  let output = '';
  for (const piece of pieces) {
    connection.receive(piece.slice());
    while (isAwake) {
      isAwake = false;
      output += textOf(connection.output.view());
      connection.output.shift(connection.output.length);
      connection.flushed();
      connection.turned();
    }
  }
  return outcomeOf(seen, output, isClosed);
}

function outcomeOf(seen: readonly Passed[], output: string, isClosed: boolean): string {
  const parts = seen.map(printPassed);
  const refused = /HTTP\/1\.1 (4(?!05)\d\d|5\d\d) /.exec(output);
  if (refused !== null) parts.push(`refused ${refused[1]}`);
  else if (parts.length === 0) return isClosed ? 'closed' : 'waits';
  return parts.join(' then ') + (isClosed && refused === null ? ' closed' : '');
}

/** Sends a request, feeds a client the pieces of an answer and then, if asked, the end. Returns the outcome. */
export function clientOutcome(
  pieces: readonly Uint8Array[],
  options: { method?: string; upgrade?: string; ends?: boolean } = {},
): string {
  const parts: string[] = [];
  let answer: Seen | undefined;
  let isClosed = false;
  const connection = new Http1ClientConnection({
    wake() {},
    pauseInput() {},
    close() {
      isClosed = true;
    },
  });
  const head: RequestHead = {
    method: options.method ?? 'GET',
    scheme: 'http',
    authority: 'a',
    path: '/',
    headers: [],
    ...(options.upgrade && { upgrade: options.upgrade }),
  };
  let resetReason = '';
  const stream = connection.open(head, options.upgrade === undefined, {
    inform(status, fields) {
      parts.push(printPassed({ line: String(status), fields, body: '', trailers: [], hasEnded: true }));
    },
    response(status, fields, hasEnded) {
      answer = { line: String(status), fields, body: '', trailers: [], hasEnded };
    },
    data(chunk) {
      answer!.body += textOf(chunk);
      stream.consumed(chunk.length);
    },
    end(trailers) {
      answer!.trailers = trailers;
      answer!.hasEnded = true;
    },
    reset(reason) {
      resetReason = reason;
    },
    sent() {},
  });
  for (const piece of pieces) connection.receive(piece.slice());
  if (options.ends) connection.inputEnded();
  if (answer !== undefined) parts.push(printPassed(answer));
  if (resetReason !== '') parts.push(`reset ${resetReason}`);
  if (parts.length === 0) parts.push('waits');
  return parts.join(' then ') + (isClosed && resetReason === '' ? ' closed' : '');
}
