/** Reads the head of an answer. Imports the reader of fields. */
import { FieldReader } from './field-reader.ts';
import { CONNECTION } from './framing.ts';
import type { Http1Limits } from './limit.ts';
import { MessageError } from './message-error.ts';
import { CR, LF, SPACE, VALUE } from './octet.ts';

const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]; // HTTP/1.

/** Reads answers. What is wrong in one is told by {@link MessageError}, whose status means nothing here. */
export class ResponseReader extends FieldReader {
  status = 0;
  /** HTTP/1.0. */
  isOld = false;

  constructor(limits: Http1Limits) {
    super(limits, true);
  }

  /** The server will take another request on this connection. */
  get keepAlive(): boolean {
    if (this.isOld) {
      return (this.connection & (CONNECTION.KEEP_ALIVE | CONNECTION.CLOSE)) === CONNECTION.KEEP_ALIVE;
    }
    return (this.connection & CONNECTION.CLOSE) === 0;
  }

  /** Refuses framing that two readers could take for different things. Source: RFC 9112, 6.3. */
  check(): void {
    if (!this.isChunked) return;
    if (this.contentLength >= 0) throw new MessageError(400, 'Both Transfer-Encoding and Content-Length');
    if (this.isOld) throw new MessageError(400, 'Transfer-Encoding in HTTP/1.0');
  }

  /** `HTTP/1.1 200 OK`; the reason, and the space before it where there is none, may be left out. Source: RFC 9112, 4. */
  protected override startLine(bytes: Uint8Array, start: number, end: number): number {
    for (let index = 0; index < 7; index++) {
      if (start + index === end) return -1;
      if (bytes[start + index] !== VERSION[index]) return this.#refuse(bytes, start, end);
    }
    if (start + 12 > end) return this.isWhole(bytes, start, end) ? this.#refuse(bytes, start, end) : -1;
    const minor = bytes[start + 7]! - 0x30;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SPACE) return this.#refuse(bytes, start, end);
    let status = 0;
    for (let index = start + 9; index < start + 12; index++) {
      const digit = bytes[index]! - 0x30;
      if (digit < 0 || digit > 9) return this.#refuse(bytes, start, end);
      status = status * 10 + digit;
    }
    if (status < 100) return this.#refuse(bytes, start, end);
    let at = start + 12;
    if (at === end) return -1;
    if (bytes[at] === SPACE) while (at < end && VALUE[bytes[at]!] !== 0) at++;
    else if (bytes[at] !== CR && bytes[at] !== LF) return this.#refuse(bytes, start, end);
    const behind = this.lineEnd(bytes, at, end, 'Status line with a control character');
    if (behind < 0) return -1;
    this.status = status;
    this.isOld = minor === 0;
    this.hasStarted = true;
    return behind;
  }

  #refuse(bytes: Uint8Array, at: number, end: number): number {
    if (!this.isWhole(bytes, at, end)) return -1;
    throw new MessageError(400, 'Answer that is not HTTP/1.1 or HTTP/1.0');
  }
}
