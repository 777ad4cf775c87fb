/**
 * Inputs that two readers could take for different messages, each with what the engines here make of it, and what
 * Envoy and HAProxy made of it when record.ts asked them. Imports node only.
 *
 * An outcome is what was passed on, in order, joined by ` then `:
 *
 *     POST a /x [x: y] "body" {trailer: z}    method, authority (`-`: none), path, other fields, body, trailers
 *     POST a / "hi" unfinished                no end of it had come
 *     GET a / <websocket>                     a tunnel was asked for
 *     refused 400                             answered so, and closed; of a body that is wrong, after its beginning was passed on
 *     waits                                   nothing was passed on, nor answered
 *     … closed                                the connection was closed after the answer
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One input. */
export interface Case {
  readonly name: string;
  /** One byte a character; `{{a*1000}}` stands for a thousand times `a`. */
  readonly input: string;
  /** What the engine here makes of it. */
  readonly want: string;
  /** What the peers made of it. */
  readonly envoy?: string;
  readonly haproxy?: string;
  /** Where it is from, or what decides. */
  readonly source?: string;
  readonly note?: string;
}

/** The cases of a file of this folder. */
export function readCases<T = Case>(file: string): T[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8'));
}

/** An input's bytes. */
export function bytesOf(input: string): Uint8Array {
  const text = input.replace(/\{\{([\s\S]*?)\*(\d+)\}\}/g, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  );
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A request or an answer that was passed on. */
export interface Passed {
  /** `GET a /` or `200`. */
  readonly line: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
  readonly hasEnded: boolean;
  readonly upgrade?: string | undefined;
}

/** Fields that frame messages, belong to one connection or are of a proxy's own making: no outcome names them. */
const UNNAMED =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|http2-settings|expect|date|server|via|user-agent|forwarded|x-forwarded-.*|x-envoy-.*|x-request-id|content-type|te|sec-websocket-.*)$/;

/** A message in the notation of outcomes. */
export function printPassed(message: Passed): string {
  const list = (fields: Passed['fields']) =>
    fields
      .filter(([name]) => !UNNAMED.test(name))
      .map(([name, value]) => `${name}: ${value}`)
      .join(', ');
  const fields = list(message.fields);
  const trailers = list(message.trailers);
  return [
    message.line,
    fields && `[${fields}]`,
    message.upgrade && `<${message.upgrade}>`,
    message.body && JSON.stringify(message.body),
    trailers && `{${trailers}}`,
    message.hasEnded ? '' : 'unfinished',
  ]
    .filter(Boolean)
    .join(' ');
}

/** Text of bytes, one character a byte. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
