import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { Code, createClient, createRouterTransport } from '@connectrpc/connect';
import { Greeter } from '../../../gen/api/greeter_pb.ts';
import { ServerReflection as V1 } from '../../../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as V1alpha } from '../../../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { reflectionRoutes } from '../../../services/reflection/reflection.ts';

type Answer = { readonly asked: string } & Readonly<Record<string, unknown>>;

/** Asks one stream all questions, by one version of the protocol, and returns the answers in short. */
async function ask(
  version: typeof V1 | typeof V1alpha,
  services: readonly DescService[],
  questions: readonly { case: string; value: unknown }[],
): Promise<Answer[]> {
  const client = createClient(version as typeof V1, createRouterTransport(reflectionRoutes(() => services)));
  const requests = questions.map((messageRequest) => ({ host: 'greeter', messageRequest }));
  const answers: Answer[] = [];
  const stream = client.serverReflectionInfo(
    (async function* () {
      yield* requests as { host: string; messageRequest: { case: 'listServices'; value: string } }[];
    })(),
  );
  for await (const { validHost, originalRequest, messageResponse } of stream) {
    assert.equal(validHost, 'greeter');
    const asked = originalRequest?.messageRequest.case ?? 'nothing';
    switch (messageResponse.case) {
      case 'listServicesResponse':
        answers.push({ asked, services: messageResponse.value.service.map(({ name }) => name) });
        break;
      case 'fileDescriptorResponse':
        answers.push({
          asked,
          files: messageResponse.value.fileDescriptorProto.map(
            (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
          ),
        });
        break;
      case 'allExtensionNumbersResponse': {
        const { baseTypeName, extensionNumber } = messageResponse.value;
        answers.push({ asked, of: baseTypeName, numbers: extensionNumber });
        break;
      }
      case 'errorResponse':
        answers.push({ asked, error: messageResponse.value.errorCode });
        break;
      default:
        throw new Error('an answer without content');
    }
  }
  return answers;
}

/** Three files in a row of imports; the first declares everything that can be a symbol. */
function shop(): DescService {
  const { STRING, MESSAGE } = FieldDescriptorProto_Type;
  const label = FieldDescriptorProto_Label.OPTIONAL;
  const field = (name: string, number: number) => ({ name, number, label, type: STRING });
  const set = create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'base.proto',
        package: 'shop.base',
        syntax: 'proto2',
        messageType: [{ name: 'Base', extensionRange: [{ start: 100, end: 200 }], field: [field('id', 1)] }],
      },
      {
        name: 'middle.proto',
        package: 'shop',
        syntax: 'proto2',
        dependency: ['base.proto'],
        messageType: [
          {
            name: 'Item',
            field: [{ name: 'base', number: 1, label, type: MESSAGE, typeName: '.shop.base.Base' }],
          },
        ],
        extension: [
          { ...field('color', 101), extendee: '.shop.base.Base' },
          { ...field('size', 100), extendee: '.shop.base.Base' },
        ],
      },
      {
        name: 'shop.proto',
        package: 'shop',
        syntax: 'proto2',
        dependency: ['middle.proto'],
        messageType: [
          {
            name: 'Order',
            field: [{ ...field('note', 1), oneofIndex: 0 }],
            oneofDecl: [{ name: 'extra' }],
            nestedType: [{ name: 'Line', field: [field('text', 1)] }],
            enumType: [{ name: 'State', value: [{ name: 'OPEN', number: 0 }] }],
          },
        ],
        service: [
          {
            name: 'Shop',
            method: [{ name: 'Buy', inputType: '.shop.Order', outputType: '.shop.Item' }],
          },
        ],
      },
    ],
  });
  return createFileRegistry(set).getService('shop.Shop')!;
}

const versions = { 'grpc.reflection.v1': V1, 'grpc.reflection.v1alpha': V1alpha };

for (const [name, version] of Object.entries(versions)) {
  test(`${name} lists each service once, in order`, async () => {
    const [answer] = await ask(version, [shop(), Greeter, Greeter], [{ case: 'listServices', value: '*' }]);
    assert.deepEqual(answer, { asked: 'listServices', services: ['api.Greeter', 'shop.Shop'] });
  });

  test(`${name} finds the file of every kind of symbol`, async () => {
    const symbols = [
      'shop.Shop',
      'shop.Shop.Buy',
      'shop.Order',
      'shop.Order.note',
      'shop.Order.extra',
      'shop.Order.Line',
      'shop.Order.Line.text',
      'shop.Order.State',
      'shop.Order.OPEN',
    ];
    for (const value of symbols) {
      const [answer] = await ask(version, [shop()], [{ case: 'fileContainingSymbol', value }]);
      assert.deepEqual(
        answer,
        { asked: 'fileContainingSymbol', files: ['shop.proto', 'middle.proto', 'base.proto'] },
        value,
      );
    }
  });

  test(`${name} sends the asked-for file always and an import once a stream`, async () => {
    const answers = await ask(
      version,
      [shop()],
      [
        { case: 'fileByFilename', value: 'middle.proto' },
        { case: 'fileContainingSymbol', value: 'shop.Shop' },
        { case: 'fileByFilename', value: 'base.proto' },
      ],
    );
    assert.deepEqual(
      answers.map((answer) => answer['files']),
      [['middle.proto', 'base.proto'], ['shop.proto'], ['base.proto']],
    );
  });

  test(`${name} knows extensions by number`, async () => {
    const answers = await ask(
      version,
      [shop()],
      [
        { case: 'allExtensionNumbersOfType', value: 'shop.base.Base' },
        { case: 'allExtensionNumbersOfType', value: 'shop.Order' },
        { case: 'fileContainingSymbol', value: 'shop.color' },
        {
          case: 'fileContainingExtension',
          value: { containingType: 'shop.base.Base', extensionNumber: 101 },
        },
      ],
    );
    assert.deepEqual(answers, [
      { asked: 'allExtensionNumbersOfType', of: 'shop.base.Base', numbers: [100, 101] },
      { asked: 'allExtensionNumbersOfType', of: 'shop.Order', numbers: [] },
      { asked: 'fileContainingSymbol', files: ['middle.proto', 'base.proto'] },
      { asked: 'fileContainingExtension', files: ['middle.proto'] },
    ]);
  });

  test(`${name} answers what it does not know with an error and goes on`, async () => {
    const answers = await ask(
      version,
      [Greeter],
      [
        { case: 'fileByFilename', value: 'api/nothing.proto' },
        { case: 'fileContainingSymbol', value: 'api' },
        { case: 'fileContainingSymbol', value: 'toString' },
        { case: 'fileContainingExtension', value: { containingType: 'api.User', extensionNumber: 4 } },
        { case: 'allExtensionNumbersOfType', value: 'api.Nobody' },
        { case: undefined as unknown as string, value: undefined },
        { case: 'fileByFilename', value: 'api/greeter.proto' },
      ],
    );
    assert.deepEqual(answers, [
      { asked: 'fileByFilename', error: Code.NotFound },
      { asked: 'fileContainingSymbol', error: Code.NotFound },
      { asked: 'fileContainingSymbol', error: Code.NotFound },
      { asked: 'fileContainingExtension', error: Code.NotFound },
      { asked: 'allExtensionNumbersOfType', error: Code.NotFound },
      { asked: 'nothing', error: Code.Unimplemented },
      { asked: 'fileByFilename', files: ['api/greeter.proto'] },
    ]);
  });
}
