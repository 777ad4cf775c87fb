/**
 * A message as Go prints it with `%+v`, which is what the tutorial's client logs. Imports @bufbuild/protobuf,
 * whose text format escapes strings as Go's does.
 *
 * Source: protocolbuffers/protobuf-go:internal/encoding/text/encode.go. Go adds a random space between fields
 * so that nobody relies on the form; here it is always one space.
 */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { toText } from '@bufbuild/protobuf/txtpb';

/** Returns the text format on one line: `name:"Hello laurence" id:"v1.0.0"`; empty fields are left out. */
export function formatPrototext<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  let text = '';
  // Line breaks inside values are escaped, so each line is one field, an opening or a closing brace.
  for (const line of toText(schema, message).split('\n')) {
    const part = line.trim().replace(/^([^:]+): /, '$1:');
    const apart = part === '' || part === '}' || text === '' || text.endsWith('{') ? '' : ' ';
    text += apart + part;
  }
  return text;
}
