/** Takes messages apart that a peer has written, which are in order: how a recording reads them. Imports the corpus. */
import type { Passed } from './corpus.ts';

/** The messages of a text, the last perhaps unfinished. `noBody`: answers have none (HEAD). `isOver`: the connection has ended. */
export function parseMessages(text: string, noBody = false, isOver = false): Passed[] {
  const messages: Passed[] = [];
  let rest = text;
  while (rest !== '') {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd === -1) {
      messages.push({ line: rest.slice(0, 80), fields: [], body: '', trailers: [], hasEnded: false });
      break;
    }
    const [first = '', ...lines] = rest.slice(0, headEnd).split('\r\n');
    const fields = lines.map(parseField);
    const value = (name: string) => fields.find(([known]) => known === name)?.[1];
    const answer = /^HTTP\/\S+ (\d{3})/.exec(first);
    const [method = '', target = ''] = first.split(' ');
    const line = answer ? answer[1]! : `${method} ${value('host') || '-'} ${target}`;
    const status = Number(answer?.[1] ?? 0);
    const from = rest.slice(headEnd + 4);
    const body = parseBody(from, {
      isChunked: /^chunked$/i.test(value('transfer-encoding') ?? ''),
      length: value('content-length'),
      none: noBody || status === 204 || status === 304 || (status >= 100 && status < 200 && status !== 101),
      untilClose: answer !== null,
      isOver,
    });
    const upgrade = answer ? undefined : value('upgrade');
    messages.push({
      line,
      fields,
      upgrade,
      body: body.text,
      trailers: body.trailers,
      hasEnded: body.hasEnded,
    });
    rest = from.slice(body.used);
  }
  return messages;
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

interface Framing {
  readonly isChunked: boolean;
  readonly length: string | undefined;
  readonly none: boolean;
  readonly untilClose: boolean;
  readonly isOver: boolean;
}

interface Body {
  readonly text: string;
  readonly trailers: readonly (readonly [string, string])[];
  readonly hasEnded: boolean;
  readonly used: number;
}

function parseBody(from: string, framing: Framing): Body {
  const whole = (text: string, used: number, hasEnded: boolean): Body => ({
    text,
    trailers: [],
    hasEnded,
    used,
  });
  if (framing.none) return whole('', 0, true);
  if (framing.isChunked) return parseChunks(from);
  if (framing.length !== undefined) {
    const text = from.slice(0, Number(framing.length));
    return whole(text, text.length, text.length === Number(framing.length));
  }
  return framing.untilClose ? whole(from, from.length, framing.isOver) : whole('', 0, true);
}

function parseChunks(from: string): Body {
  let text = '';
  let at = 0;
  for (;;) {
    const lineEnd = from.indexOf('\r\n', at);
    const size = Number.parseInt(from.slice(at, lineEnd), 16);
    if (lineEnd === -1 || Number.isNaN(size))
      return { text, trailers: [], hasEnded: false, used: from.length };
    at = lineEnd + 2;
    if (size === 0) {
      const end = from.startsWith('\r\n', at) ? at - 2 : from.indexOf('\r\n\r\n', at);
      if (end === -1) return { text, trailers: [], hasEnded: false, used: from.length };
      const lines = from.slice(at, Math.max(at, end)).split('\r\n').filter(Boolean);
      return { text, trailers: lines.map(parseField), hasEnded: true, used: end + 4 };
    }
    const piece = from.slice(at, at + size);
    text += piece;
    at += size + 2;
    if (piece.length < size) return { text, trailers: [], hasEnded: false, used: from.length };
  }
}
