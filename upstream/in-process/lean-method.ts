/**
 * A method whose calls can be lean, and the router that finds them: it registers services with Connect and
 * remembers their implementations. Imports @connectrpc/connect.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type MethodImplSpec,
} from '@connectrpc/connect';
import {
  createMethodSerializationLookup,
  createMethodUrl,
  type MethodSerializationLookup,
} from '@connectrpc/connect/protocol';

/** A unary method. */
export interface LeanMethod {
  readonly spec: Extract<MethodImplSpec, { kind: 'unary' }>;
  readonly serialization: MethodSerializationLookup<DescMessage, DescMessage>;
  readonly maxMessageBytes: number;
}

/** Limits of all messages; Connect's default where nothing is said. */
const MAX_WRITE_BYTES = 0xffffffff;
const MIN_COMPRESS_BYTES = 1024;

/** An answer this long is compressed for who takes it: Connect's default. */
export { MIN_COMPRESS_BYTES };

/**
 * Registers with the router what is registered with the one returned, and puts the unary methods into the map, by
 * path. Services with options of their own (interceptors, limits, protocols) are none of it.
 */
export function watchRegistrations(
  router: ConnectRouter,
  maxMessageBytes: number,
  methods: Map<string, LeanMethod>,
): ConnectRouter {
  const add = (spec: MethodImplSpec, hasOptions: boolean): void => {
    const path = createMethodUrl('/', spec.method);
    if (spec.kind !== 'unary' || hasOptions) {
      methods.delete(path);
      return;
    }
    const limits = {
      readMaxBytes: maxMessageBytes,
      writeMaxBytes: MAX_WRITE_BYTES,
      compressMinBytes: MIN_COMPRESS_BYTES,
    };
    const serialization = createMethodSerializationLookup(spec.method, undefined, undefined, limits);
    methods.set(path, { spec, serialization, maxMessageBytes });
  };
  const watching: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, implementation, options);
      const { methods: specs } = createServiceImplSpec(service, implementation);
      for (const spec of Object.values(specs)) add(spec, options !== undefined);
      return watching as never;
    },
    rpc(method, implementation, options) {
      router.rpc(method, implementation, options);
      add(createMethodImplSpec(method, implementation), options !== undefined);
      return watching as never;
    },
  };
  return watching;
}
