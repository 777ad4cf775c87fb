/** A Connect service with all four kinds of RPC, made without generated code, and its handlers. */
import { create, createFileRegistry } from '@bufbuild/protobuf';
import type { GenService } from '@bufbuild/protobuf/codegenv2';
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  MethodOptions_IdempotencyLevel,
  type StringValueSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';

type Text = typeof StringValueSchema;

const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
  name,
  inputType: '.google.protobuf.StringValue',
  outputType: '.google.protobuf.StringValue',
  clientStreaming,
  serverStreaming,
});

const file = create(FileDescriptorProtoSchema, {
  name: 'test/echo.proto',
  package: 'test',
  syntax: 'proto3',
  dependency: ['google/protobuf/wrappers.proto'],
  service: [
    {
      name: 'Echo',
      method: [
        {
          ...method('Unary', false, false),
          options: { idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS },
        },
        method('ServerStream', false, true),
        method('ClientStream', true, false),
        method('Bidi', true, true),
      ],
    },
  ],
});

const found = createFileRegistry(file, (name) =>
  name === file_google_protobuf_wrappers.proto.name ? file_google_protobuf_wrappers.proto : undefined,
).getService('test.Echo');

/** `test.Echo`: Unary (without side effects), ServerStream, ClientStream, Bidi, all of google.protobuf.StringValue. */
export const Echo = found as unknown as GenService<{
  unary: { methodKind: 'unary'; input: Text; output: Text };
  serverStream: { methodKind: 'server_streaming'; input: Text; output: Text };
  clientStream: { methodKind: 'client_streaming'; input: Text; output: Text };
  bidi: { methodKind: 'bidi_streaming'; input: Text; output: Text };
}>;

/** What an endpoint's handlers tell a test. */
export interface EchoWatch {
  /** A handler waits to be cancelled. */
  waits?(): void;
  /** A stream was cancelled by its client. */
  cancelled?(): void;
}

/**
 * Handlers that put `name: ` before what they get. `fail` as a value is answered with `not_found`, `wait` never;
 * a server stream sends the value three times, `endless` without end.
 */
export function echoRoutes(name: string, watch: EchoWatch = {}): (router: ConnectRouter) => void {
  const echo = (value: string) => ({ value: `${name}: ${value}` });
  const check = (value: string) => {
    if (value === 'fail') throw new ConnectError('no such thing: 100%', Code.NotFound, { 'x-detail': 'd' });
  };
  const untilCancelled = (signal: AbortSignal) =>
    new Promise<never>((_, fail) => {
      watch.waits?.();
      const gone = () => {
        watch.cancelled?.();
        fail(new ConnectError('cancelled', Code.Canceled));
      };
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone, { once: true });
    });
  return (router) => {
    router.service(Echo, {
      async unary({ value }, context) {
        check(value);
        if (value === 'wait') await untilCancelled(context.signal);
        context.responseTrailer.set('x-trailer', 'seen');
        context.responseHeader.set('x-header', context.requestHeader.get('x-ask') ?? 'none');
        return echo(value);
      },
      async *serverStream({ value }, context) {
        context.responseTrailer.set('x-trailer', 'seen');
        for (let i = 0; i < 3; i++) yield echo(`${value} ${i}`);
        check(value);
        if (value === 'wait') await untilCancelled(context.signal);
      },
      async clientStream(requests) {
        const values: string[] = [];
        for await (const { value } of requests) values.push(value);
        return echo(values.join('+'));
      },
      async *bidi(requests) {
        for await (const { value } of requests) yield echo(value);
      },
    });
  };
}
