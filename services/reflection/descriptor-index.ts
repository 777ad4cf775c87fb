/**
 * Looks up the files behind a set of services: by file name, by symbol, by extension. Pure; imports
 * @bufbuild/protobuf only. It reads the descriptor messages themselves and not the library's registry, which
 * has no entry for fields, oneofs, enum values and the entries of maps, all of which are symbols here.
 */
import type { DescFile, DescService } from '@bufbuild/protobuf';
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';

export interface DescriptorIndex {
  /** The file of this name, for example `api/greeter.proto`. */
  file(name: string): FileDescriptorProto | undefined;
  /** The file that declares this symbol: a message, field, oneof, enum, enum value, extension, service or method. */
  fileOfSymbol(fullName: string): FileDescriptorProto | undefined;
  /** The file that extends a message by this field number. */
  fileOfExtension(message: string, fieldNumber: number): FileDescriptorProto | undefined;
  /** The numbers of all known extensions of a message, ascending; undefined: no such message. */
  extensionNumbers(message: string): readonly number[] | undefined;
  /** The file and, after it, everything that it imports, directly or not; each once. */
  closure(file: FileDescriptorProto): readonly FileDescriptorProto[];
}

/** Returns an index of the files that declare `services`, and of all that these import. */
export function indexDescriptors(services: Iterable<DescService>): DescriptorIndex {
  const files = new Map<string, FileDescriptorProto>();
  const symbols = new Map<string, FileDescriptorProto>();
  const messages = new Set<string>();
  const extensions = new Map<string, Map<number, FileDescriptorProto>>();

  const addFile = (desc: DescFile): void => {
    const file = desc.proto;
    if (files.has(file.name)) return;
    files.set(file.name, file);
    for (const dependency of desc.dependencies) addFile(dependency);

    const declare = (scope: string, name: string): string => {
      const fullName = scope === '' ? name : `${scope}.${name}`;
      symbols.set(fullName, file);
      return fullName;
    };
    const addExtension = (scope: string, field: FieldDescriptorProto): void => {
      declare(scope, field.name);
      const message = field.extendee.replace(/^\./, '');
      const known = extensions.get(message) ?? new Map<number, FileDescriptorProto>();
      extensions.set(message, known.set(field.number, file));
    };
    const addEnum = (scope: string, descriptor: EnumDescriptorProto): void => {
      declare(scope, descriptor.name);
      // As in C++, a value's scope is that of its enum, not the enum itself.
      for (const value of descriptor.value) declare(scope, value.name);
    };
    const addMessage = (scope: string, descriptor: DescriptorProto): void => {
      const name = declare(scope, descriptor.name);
      messages.add(name);
      for (const field of descriptor.field) declare(name, field.name);
      for (const oneof of descriptor.oneofDecl) declare(name, oneof.name);
      for (const nested of descriptor.nestedType) addMessage(name, nested);
      for (const nested of descriptor.enumType) addEnum(name, nested);
      for (const nested of descriptor.extension) addExtension(name, nested);
    };

    for (const descriptor of file.messageType) addMessage(file.package, descriptor);
    for (const descriptor of file.enumType) addEnum(file.package, descriptor);
    for (const descriptor of file.extension) addExtension(file.package, descriptor);
    for (const descriptor of file.service) {
      const name = declare(file.package, descriptor.name);
      for (const method of descriptor.method) declare(name, method.name);
    }
  };
  for (const service of services) addFile(service.file);

  return {
    file: (name) => files.get(name),
    fileOfSymbol: (fullName) => symbols.get(fullName),
    fileOfExtension: (message, fieldNumber) => extensions.get(message)?.get(fieldNumber),
    extensionNumbers(message) {
      if (!messages.has(message)) return undefined;
      return [...(extensions.get(message)?.keys() ?? [])].sort((a, b) => a - b);
    },
    closure(file) {
      const found = new Set([file]);
      // A set visits what is added while it is walked.
      for (const current of found) {
        for (const name of current.dependency) {
          const dependency = files.get(name);
          if (dependency !== undefined) found.add(dependency);
        }
      }
      return [...found];
    },
  };
}
