import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { FieldDescriptorProtoSchema, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { UserSchema } from '../../../gen/api/greeter_pb.ts';
import { formatPrototext } from '../../../services/greeter/prototext.ts';

test("formatPrototext() gives the tutorial's line and leaves out what is empty", () => {
  const user = create(UserSchema, { name: 'Hello laurence', id: 'v1.0.0' });
  assert.equal(formatPrototext(UserSchema, user), 'name:"Hello laurence" id:"v1.0.0"');
  assert.equal(formatPrototext(UserSchema, create(UserSchema, { age: -7 })), 'age:-7');
  assert.equal(formatPrototext(UserSchema, create(UserSchema)), '');
});

// The expected text is what fmt.Printf("%+v", message) prints with google.golang.org/protobuf v1.36.12.
test('formatPrototext() escapes as Go does', () => {
  const message = create(FieldDescriptorProtoSchema, {
    name: 'a"b\\c\nd\te\rf\x01g\x7fh\u0085i é 😀 \'`',
    number: -7,
    jsonName: 'v1.0.0',
  });
  assert.equal(
    formatPrototext(FieldDescriptorProtoSchema, message),
    'name:"a\\"b\\\\c\\nd\\te\\rf\\x01g\\x7fh\\u0085i é 😀 \'`" number:-7 json_name:"v1.0.0"',
  );
});

test('formatPrototext() keeps nested messages and colons in values on the line', () => {
  const message = create(FileDescriptorProtoSchema, { messageType: [{ name: 'a: {b' }, {}] });
  assert.equal(
    formatPrototext(FileDescriptorProtoSchema, message),
    'message_type:{name:"a: {b"} message_type:{}',
  );
});
