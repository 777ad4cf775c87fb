/** The shortest way for unary calls, where nothing asks for more. Imports @connectrpc/connect's types. */
import { NO_FIELDS } from '../../wire/stream.ts';
import type { Shortcut } from '../in-process.ts';
import { LeanCall } from './lean-call.ts';
import { type LeanMethod, watchRegistrations } from './lean-method.ts';
import { readLeanRequest } from './lean-request.ts';

/** For plain unary calls. */
export const leanCalls: Shortcut = (router, maxMessageBytes) => {
  const methods = new Map<string, LeanMethod>();
  return {
    router: watchRegistrations(router, maxMessageBytes, methods),
    find(path) {
      const method = methods.get(path);
      if (!method) return undefined;
      return (head, hasEnded, receiver, universal) => {
        const request = readLeanRequest(head);
        if (!request || request.contentLength > maxMessageBytes) return undefined;
        const call = new LeanCall(method, head, request, receiver, universal);
        if (hasEnded) call.end(NO_FIELDS);
        return call;
      };
    },
  };
};
