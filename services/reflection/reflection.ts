/**
 * gRPC server reflection, by which grpcurl, grpc_cli, Postman and the like list, describe and call services
 * without a .proto file. Both versions of the protocol: `v1`, and `v1alpha` for older tools. They differ in
 * name only. Imports the generated code, @bufbuild/protobuf and Connect's types.
 *
 * It is our own because no kept package does this for Connect: connectrpc/connect-es has none (an open wish
 * since 2023), and @grpc/reflection and its kin serve @grpc/grpc-js only and parse the .proto files anew.
 *
 * Source: grpc/grpc:doc/server-reflection.md, grpc/grpc-proto:grpc/reflection/v1/reflection.proto; what the
 * protocol leaves open is as in grpc/grpc-go:reflection/internal/reflection.go.
 */
import { type DescService, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import {
  type ServerReflectionRequest,
  ServerReflection as ServerReflectionV1,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionV1alpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { type DescriptorIndex, indexDescriptors } from './descriptor-index.ts';

/** What a request asks for; the field's names and types are the same in both versions. */
type Question =
  | Exclude<ServerReflectionRequest['messageRequest'], { case: 'fileContainingExtension' }>
  | {
      case: 'fileContainingExtension';
      value: { readonly containingType: string; readonly extensionNumber: number };
    };

/**
 * Returns routes that register reflection on a router.
 *
 * @param services The services to tell of, asked anew for each stream; one that is given twice counts once.
 */
export function reflectionRoutes(services: () => Iterable<DescService>): (router: ConnectRouter) => void {
  async function* serverReflectionInfo<Request extends { host: string; messageRequest: Question }>(
    requests: AsyncIterable<Request>,
  ) {
    const answer = createAnswer(services());
    for await (const request of requests) {
      yield {
        validHost: request.host,
        originalRequest: request,
        messageResponse: answer(request.messageRequest),
      };
    }
  }
  return (router) => {
    router.service(ServerReflectionV1, { serverReflectionInfo });
    router.service(ServerReflectionV1alpha, { serverReflectionInfo });
  };
}

/** Returns the answers of one stream, which sends no imported file twice. */
function createAnswer(services: Iterable<DescService>) {
  const byName = new Map([...services].map((service) => [service.typeName, service]));
  const index = indexDescriptors(byName.values());
  const sent = new Set<FileDescriptorProto>();

  return (question: Question) => {
    switch (question.case) {
      case 'listServices':
        return {
          case: 'listServicesResponse' as const,
          value: { service: [...byName.keys()].sort().map((name) => ({ name })) },
        };
      case 'fileByFilename':
        return fileAnswer(index, sent, index.file(question.value), `file "${question.value}"`);
      case 'fileContainingSymbol':
        return fileAnswer(index, sent, index.fileOfSymbol(question.value), `symbol "${question.value}"`);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value;
        const file = index.fileOfExtension(containingType, extensionNumber);
        return fileAnswer(index, sent, file, `extension ${extensionNumber} of "${containingType}"`);
      }
      case 'allExtensionNumbersOfType': {
        const extensionNumber = index.extensionNumbers(question.value);
        if (extensionNumber === undefined)
          return errorAnswer(Code.NotFound, `No message "${question.value}"`);
        return {
          case: 'allExtensionNumbersResponse' as const,
          value: { baseTypeName: question.value, extensionNumber: [...extensionNumber] },
        };
      }
      default:
        return errorAnswer(
          Code.Unimplemented,
          'No question that this server knows is set in message_request',
        );
    }
  };
}

/** The asked-for file always, and of its imports those that this stream has not had. */
function fileAnswer(
  index: DescriptorIndex,
  sent: Set<FileDescriptorProto>,
  file: FileDescriptorProto | undefined,
  what: string,
) {
  if (file === undefined) return errorAnswer(Code.NotFound, `No ${what}`);
  const files = index.closure(file).filter((each) => each === file || !sent.has(each));
  for (const each of files) sent.add(each);
  return {
    case: 'fileDescriptorResponse' as const,
    value: { fileDescriptorProto: files.map((each) => toBinary(FileDescriptorProtoSchema, each)) },
  };
}

/** An error is an answer like another; the stream goes on. Connect's codes are gRPC's numbers. */
function errorAnswer(errorCode: Code, errorMessage: string) {
  return { case: 'errorResponse' as const, value: { errorCode, errorMessage } };
}
