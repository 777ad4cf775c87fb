/** Compares the answer that a client got with that of a copy of its request. Pure. */
import { firstHeader, headerValues } from '../../router/route/header.ts';
import type { ComparePolicy } from '../../router/table/decision.ts';
import { EnvelopeParser } from '../../wire/grpc/envelope.ts';
import type { FieldList } from '../../wire/stream.ts';
import type { KeptAnswer } from './answer.ts';
import { type Difference, Differences } from './difference.ts';
import { compareJson } from './json.ts';
import { compareProtobuf } from './protobuf.ts';

/** Of two equal answers these differ: they belong to one of them, to its connection or its moment. */
const NEVER_COMPARED: ReadonlySet<string> = new Set([
  'age',
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'server-timing',
  'traceparent',
  'transfer-encoding',
  'x-envoy-upstream-service-time',
  'x-request-id',
]);

/** Of these it is told that they differ, and not how. */
const SECRET: ReadonlySet<string> = new Set([
  'set-cookie',
  'authorization',
  'www-authenticate',
  'proxy-authenticate',
]);

/**
 * Where they differ, as the policy asks. Undefined: they cannot be compared, as the client got no answer of an endpoint,
 * or a body is too large. A copy without a whole answer differs in its status.
 */
export function compareAnswers(
  main: KeptAnswer,
  copy: KeptAnswer,
  policy: ComparePolicy,
): readonly Difference[] | undefined {
  if (!main.isWhole) return undefined;
  const into = new Differences(policy.ignoredFields);
  if (!copy.isWhole) {
    into.add('status', '', `${main.status}`, undefined);
    return into.found;
  }
  if (policy.status) {
    if (main.status !== copy.status) into.add('status', '', `${main.status}`, `${copy.status}`);
    const [before, after] = [main, copy].map(grpcStatusOf);
    if (before !== after) into.add('status', 'grpc-status', before, after);
  }
  if (policy.headers) {
    const ignored = new Set([...NEVER_COMPARED, ...policy.ignoredHeaders]);
    compareFields('header', main.headers, copy.headers, ignored, into);
    compareFields('trailer', main.trailers, copy.trailers, ignored, into);
  }
  if (policy.body) {
    if (main.isTooLarge || copy.isTooLarge) return into.found.length > 0 ? into.found : undefined;
    compareBodies(main, copy, into);
  }
  return into.found;
}

function grpcStatusOf({ headers, trailers }: KeptAnswer): string | undefined {
  return firstHeader(trailers, 'grpc-status') ?? firstHeader(headers, 'grpc-status');
}

function compareFields(
  kind: 'header' | 'trailer',
  main: FieldList,
  copy: FieldList,
  ignored: ReadonlySet<string>,
  into: Differences,
): void {
  for (const name of new Set([...main, ...copy].map(([each]) => each)))
    if (!ignored.has(name) && name !== 'grpc-status') {
      const [before, after] = [main, copy].map((list) => headerValues(list, name).join(', ') || undefined);
      if (before === after) continue;
      if (SECRET.has(name)) into.add(kind, name, before && '(not shown)', after && '(not shown)');
      else into.add(kind, name, before, after);
    }
}

function compareBodies(main: KeptAnswer, copy: KeptAnswer, into: Differences): void {
  const [before, after] = [main.body(), copy.body()];
  if (before.length === after.length && before.every((byte, index) => byte === after[index])) return;
  const [type, otherType] = [main, copy].map(({ headers }) => kindOf(firstHeader(headers, 'content-type')));
  if (type === otherType && type === 'json' && compareTexts(before, after, into)) return;
  if (type === otherType && type === 'grpc' && compareMessages(messagesOf(before), messagesOf(after), into))
    return;
  if (type === otherType && type === 'protobuf' && compareProtobuf(before, after, into)) return;
  into.add('body', '', `${before.length} bytes`, `${after.length} bytes`);
}

function kindOf(contentType: string | undefined): 'json' | 'grpc' | 'protobuf' | undefined {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (/^application\/(.+\+)?json$/.test(type)) return 'json';
  if (/^application\/(grpc|grpc-web|connect)(\+proto)?$/.test(type)) return 'grpc';
  return /^application\/(x-)?(proto|protobuf)$/.test(type) ? 'protobuf' : undefined;
}

function compareTexts(main: Uint8Array, copy: Uint8Array, into: Differences): boolean {
  try {
    const [before, after] = [main, copy].map((bytes): unknown => JSON.parse(new TextDecoder().decode(bytes)));
    compareJson(before, after, into);
    return true;
  } catch {
    return false;
  }
}

/** Message by message; of a stream each under its number. */
function compareMessages(
  main: readonly Uint8Array[] | undefined,
  copy: readonly Uint8Array[] | undefined,
  into: Differences,
): boolean {
  if (!main || !copy) return false;
  if (main.length !== copy.length) {
    into.add('body', '', `${main.length} messages`, `${copy.length} messages`);
    return true;
  }
  const before = into.found.length;
  const areMessages = main.every((message, index) =>
    compareProtobuf(message, copy[index]!, into, main.length > 1 ? [`#${index}`] : []),
  );
  if (!areMessages) into.found.length = before;
  return areMessages;
}

/** Undefined where the body is no row of messages, or one is compressed. */
function messagesOf(body: Uint8Array): readonly Uint8Array[] | undefined {
  const messages: Uint8Array[] = [];
  try {
    const parser = new EnvelopeParser({
      envelope(flags, message) {
        // gRPC-Web's trailers and Connect's end of a stream are marked, and are no messages.
        if (flags === 0) messages.push(message);
      },
    });
    parser.push(body);
    parser.end();
  } catch {
    return undefined;
  }
  return messages;
}
