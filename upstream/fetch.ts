/**
 * Remote endpoints where there is nothing but `fetch`: edges. The runtime speaks what it likes to the endpoint,
 * says the endpoint's address in Host, and gives no trailers. Imports nothing of a runtime's.
 */
import { type Program, type ProgramAnswer, ProgramStream } from './program-stream.ts';
import type { Upstream } from './upstream.ts';
import { answerOf, requestInit } from './web-program.ts';

/** An upstream that asks `http://ADDRESS:PORT`, or `https://…`, by `fetch`. The authority travels as `x-forwarded-host`. */
export function createFetchUpstream(address: string, port: number, isTls = false): Upstream {
  const origin = `${isTls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  return upstreamOf(async (request) => {
    const { method, path, authority } = request.head;
    const init = requestInit(request);
    const headers = init.headers as Headers;
    headers.set('x-forwarded-host', authority);
    // What `fetch` cannot wait for, it refuses to send.
    headers.delete('expect');
    return decoded(answerOf(method, await fetch(origin + path, { ...init, redirect: 'manual' })));
  });
}

/** An upstream that refuses everybody, for the reason given. */
export function unreachable(reason: string): Upstream {
  return upstreamOf(() => Promise.reject(new TypeError(`Refused: ${reason}`)));
}

function upstreamOf(ask: Program['ask']): Upstream {
  const program: Program = { ask, failure };
  return { open: (head, hasEnded, receiver) => new ProgramStream(program, head, hasEnded, receiver) };
}

/**
 * What is not said to have been refused may have been carried out already, and is not to be sent anew by default. Node, Bun
 * and Deno say it of a refused connection, each somewhere else; workerd has one message for all failures.
 */
function failure(cause: unknown, hasAnswered: boolean): ReturnType<Program['failure']> {
  const isRefused = /refused/i.test(`${cause} ${(cause as Error).cause}`);
  return {
    reason: hasAnswered ? 'remote-reset' : isRefused ? 'remote-connection-failure' : 'connection-termination',
    detail: `${cause}`,
  };
}

/** `fetch` has inflated the body already: what was said of the coded one is left out. */
function decoded(answer: ProgramAnswer): ProgramAnswer {
  if (!answer.headers.some(([name]) => name === 'content-encoding')) return answer;
  const headers = answer.headers.filter(([name]) => name !== 'content-encoding' && name !== 'content-length');
  return { ...answer, headers };
}
