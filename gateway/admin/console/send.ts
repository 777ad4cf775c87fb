/** Sends the request of the console's form through the gateway, and tells what came back. */
import * as z from 'zod/mini';
import { textOfBytes } from '../../../router/table/byte-text.ts';
import { byteHeaders, METHOD } from '../../../workbench/written-request.ts';

/** What the form says. */
export const sending = z
  .strictObject({
    method: z.string().check(z.regex(METHOD, 'no HTTP method')),
    url: z.url({ protocol: /^https?$/, error: 'no URL of http or https' }),
    headers: z.array(z.tuple([z.string(), z.string()])).check(z.maxLength(200, 'more than 200 headers')),
    /** Empty: none. */
    body: z.string(),
  })
  // Some runtimes would send it all the same.
  .check(
    z.refine(
      ({ method, body }) => body === '' || !/^(?:GET|HEAD)$/i.test(method),
      'a GET or HEAD has no body',
    ),
  );

/** What came back. */
export interface Sent {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** As text; what is no UTF-8 is replaced. */
  readonly body: string;
  /** True where the body goes on after the first 64 KiB. */
  readonly isCut: boolean;
  readonly durationMs: number;
}

const MAX_BODY_BYTES = 64 * 1024;
const TIMEOUT_MS = 30_000;

/**
 * Throws a TypeError for what no `Request` can be, and the signal's reason when 30 s pass. `clock` in milliseconds, by
 * default the runtime's.
 */
export async function send(
  { method, url, headers, body }: z.infer<typeof sending>,
  fetch: (request: Request) => Promise<Response>,
  clock: () => number = () => performance.now(),
): Promise<Sent> {
  const startedMs = clock();
  const request = new Request(url, {
    method,
    headers: byteHeaders(headers).map(([name, value]): [string, string] => [name, value]),
    ...(body !== '' && { body }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const response = await fetch(request);
  const { text, isCut } = await readBody(response);
  return {
    status: response.status,
    headers: [...response.headers].map(([name, value]) => [name, textOfBytes(value)]),
    body: text,
    isCut,
    durationMs: clock() - startedMs,
  };
}

async function readBody({ body }: Response): Promise<{ text: string; isCut: boolean }> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    const left = MAX_BODY_BYTES - bytes;
    bytes += value.length;
    text += decoder.decode(value.subarray(0, left), { stream: true });
    if (value.length <= left) continue;
    await reader.cancel();
    return { text, isCut: true };
  }
  return { text: text + decoder.decode(), isCut: false };
}
