/** Reads the head of an answer. Imports the reader of fields. */
import { FieldReader } from './field-reader.ts';
import { CONNECTION } from './framing.ts';
import type { Http1Limits } from './limit.ts';
import { MessageError } from './message-error.ts';
import { CR, LF, SPACE, VALUE } from './octet.ts';

const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]; // HTTP/1.
/** Behind `HTTP/1.1 200`. */
const STATUS_END = 12;

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

  /**
   * `HTTP/1.1 200 OK`; the reason, and the space before it where there is none, may be left out. Source: RFC 9112, 4.
   */
  protected override startLine(bytes: Uint8Array, start: number, end: number): number {
    this.checkStart(bytes, start, end);
    let at = start + STATUS_END;
    if (at >= end) return -1;
    if (bytes[at] === SPACE) while (at < end && VALUE[bytes[at]!] !== 0) at++;
    const behind = this.lineEnd(bytes, at, end, 'Status line with a control character');
    if (behind < 0) return -1;
    const digit = (index: number): number => bytes[start + index]! - 0x30;
    this.status = digit(9) * 100 + digit(10) * 10 + digit(11);
    this.isOld = digit(7) === 0;
    this.hasStarted = true;
    return behind;
  }

  /** Refuses at the first wrong byte, up to the one behind the status: a peer that speaks something else may never end a line. */
  protected override checkStart(bytes: Uint8Array, start: number, end: number): void {
    const count = Math.min(end - start, STATUS_END + 1);
    for (let index = 0; index < count; index++)
      if (!mayStart(index, bytes[start + index]!))
        throw new MessageError(400, 'Answer that is not HTTP/1.1 or HTTP/1.0');
  }
}

function mayStart(index: number, byte: number): boolean {
  if (index < VERSION.length) return byte === VERSION[index];
  const digit = byte - 0x30;
  switch (index) {
    case 7:
      return digit === 0 || digit === 1;
    case 8:
      return byte === SPACE;
    case 9:
      return digit >= 1 && digit <= 9;
    case STATUS_END:
      return byte === SPACE || byte === CR || byte === LF;
    default:
      return digit >= 0 && digit <= 9;
  }
}
