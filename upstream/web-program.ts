/** Programs that answer web requests, as those who know only streams see them. Imports the stream types. */
import type { FieldList } from '../wire/stream.ts';
import type { ProgramAnswer, ProgramRequest } from './program-stream.ts';
import type { RequestBody } from './request-body.ts';

/** What `new Request(url, …)` and `fetch(url, …)` take. GET and HEAD cannot have a body there: theirs is thrown away. */
export function requestInit({ head, body, signal }: ProgramRequest): RequestInit {
  const { method, headers } = head;
  const init: RequestInit = { method, headers: headersOf(headers), signal };
  if (!body) return init;
  if (method !== 'GET' && method !== 'HEAD')
    return { ...init, body: streamOf(body), duplex: 'half' } as RequestInit;
  body.drop();
  return init;
}

/** The answer to a request of this method. A response has no trailers. */
export function answerOf(method: string, { status, headers, body }: Response): ProgramAnswer {
  const head = { status, headers: fieldsOf(headers) };
  if (!body) return head;
  if (method === 'HEAD') {
    body.cancel().catch(() => {});
    return head;
  }
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  return {
    ...head,
    body: {
      next: () => reader.read() as Promise<IteratorResult<Uint8Array, undefined>>,
      return: () => reader.cancel().then(() => ({ done: true, value: undefined })),
    },
  };
}

/** A body as the web has it: read as it is asked for. */
export function streamOf(body: RequestBody): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await body.read();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel: () => body.drop(),
    },
    { highWaterMark: 0 },
  );
}

/** Fields as the web has them: repeats joined. */
export function headersOf(fields: FieldList): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/** Headers in the order of their names. */
export function fieldsOf(headers: Headers): FieldList {
  return [...headers];
}
