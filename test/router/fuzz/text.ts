/** Texts that no person would write: random bytes, and written ones changed at random. */
import type { Draws } from '../route/generate.ts';

/** Pieces that mean something to YAML, to JSON or to JavaScript. */
const PIECES = [
  ...[
    '---\n',
    '...\n',
    '- ',
    '? ',
    ': ',
    ':',
    ', ',
    '[',
    ']',
    '{',
    '}',
    '|\n',
    '>-\n',
    '# x\n',
    '\n',
    '\r',
    '\r\n',
  ],
  ...[
    '\t',
    ' ',
    '  ',
    "'",
    '"',
    '\\',
    '&a ',
    '*a ',
    '*a',
    '<<: ',
    '<<: *a\n',
    '!!str ',
    '!!int ',
    '!!binary ',
    '!x ',
  ],
  ...[
    '%YAML 1.2\n---\n',
    '%TAG ! x\n',
    '~',
    'null',
    'yes',
    'off',
    '0x1F',
    '0o17',
    '017',
    '1_000',
    '1:30:00',
    '.inf',
  ],
  ...[
    '.nan',
    '-0',
    '1e999',
    '9007199254740993',
    '2001-01-01',
    '__proto__: {x: 1}\n',
    'constructor: ',
    'toString: 1\n',
  ],
  ...['\u0000', '\u0007', '\u0085', '\u2028', '\uFEFF', '\uD800', '😀', '\u202E', 'é', 'a'.repeat(300)],
  ...[
    'spec: ',
    'http:\n',
    'match:\n',
    'regex: "("\n',
    'regex: "(a+)+$"',
    'hosts: ["*"]\n',
    'kind: List\n',
    'items:\n',
  ],
];

/** Bytes without any sense. */
export function randomBytes(draws: Draws): Uint8Array {
  const length = draws.oneIn(20) ? draws.below(4096) : draws.below(200);
  return Uint8Array.from({ length }, () => (draws.oneIn(3) ? draws.pick(SPECIAL_BYTES) : draws.below(256)));
}

const SPECIAL_BYTES = [
  ...new TextEncoder().encode('-:{}[]&*!|>%@`"\'#,?\n\t \\'),
  0,
  0xff,
  0xfe,
  0xef,
  0xbb,
  0xbf,
];

/** Pieces of YAML in any order. */
export function randomPieces(draws: Draws): string {
  return Array.from({ length: 1 + draws.below(60) }, () => draws.pick(PIECES)).join('');
}

/** A text with a few changes; `texts` also gives the parts that are put in. */
export function mutateText(draws: Draws, texts: readonly string[]): string {
  let text = draws.pick(texts);
  for (let changes = 1 + draws.below(draws.oneIn(3) ? 8 : 2); changes > 0; changes--)
    text = change(draws, text, texts);
  return text.slice(0, 64 * 1024);
}

function change(draws: Draws, text: string, texts: readonly string[]): string {
  const from = draws.below(text.length + 1);
  const to = Math.min(text.length, from + draws.below(draws.oneIn(4) ? 400 : 12));
  const cut = text.slice(0, from) + text.slice(to);
  switch (draws.below(8)) {
    case 0:
      return cut;
    case 1:
      return text.slice(0, from) + draws.pick(PIECES) + text.slice(draws.oneIn(2) ? from : to);
    case 2:
      return text.slice(0, to) + text.slice(from, to).repeat(1 + draws.below(20)) + text.slice(to);
    case 3: {
      const other = draws.pick(texts);
      const start = draws.below(other.length + 1);
      return text.slice(0, from) + other.slice(start, start + draws.below(400)) + text.slice(to);
    }
    case 4:
      return (
        text.slice(0, from) +
        String.fromCharCode(draws.below(draws.oneIn(3) ? 0x10000 : 128)) +
        text.slice(from + 1)
      );
    case 5: {
      const lines = text.split('\n');
      const line = draws.below(lines.length);
      const moved = draws.oneIn(2) ? ` ${lines[line]}` : lines[line]!.slice(1);
      return lines.with(line, moved).join('\n');
    }
    case 6: {
      const lines = text.split('\n');
      const [one, other] = [draws.below(lines.length), draws.below(lines.length)];
      return lines.with(one, lines[other]!).with(other, lines[one]!).join('\n');
    }
    default:
      return (
        text.slice(0, from) +
        draws.pick(['[', '{a: ', '- ', '"', '(', '\\', '1']).repeat(draws.below(200)) +
        text.slice(from)
      );
  }
}

/** Mostly the text as it is; sometimes its bytes with a few of them wrong. */
export function asInput(draws: Draws, text: string): string | Uint8Array {
  if (!draws.oneIn(4)) return text;
  const bytes = new TextEncoder().encode(text);
  for (let wrong = draws.below(4); wrong > 0 && bytes.length > 0; wrong--)
    bytes[draws.below(bytes.length)] = draws.below(256);
  return bytes;
}
