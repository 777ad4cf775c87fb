/**
 * Reads lines of fields, of a head or of trailers, from pieces of any size. A line that is whole in its piece is
 * read where it stands; only a line that goes on in the next piece is copied. What frames the message is noted in
 * passing.
 *
 * Strict where leniency would let two readers see two messages: no line may begin with a space or tab (obs-fold),
 * no space may stand before the colon, and no CR, NUL or other control character may be in a line. A bare LF ends a
 * line of a head as CRLF does, as with Envoy and HAProxy (RFC 9112, 2.2 allows it), but no line of trailers.
 */
import type { Field } from '../stream.ts';
import { fieldWith, HASH_START, HASH_STEP, nameOf } from './field-cache.ts';
import { FIELD, framesMessage } from './field-name.ts';
import { checkTransferEncoding, parseConnection, parseContentLength } from './framing.ts';
import type { Http1Limits } from './limit.ts';
import { LineMemo } from './line-memo.ts';
import { MessageError } from './message-error.ts';
import { COLON, CR, LF, SPACE, TAB, TOKEN, VALUE } from './octet.ts';

const NO_BYTES = new Uint8Array(0);

/** Reads trailers; heads are read by the classes below it. */
export class FieldReader {
  /** The fields read, `host` of a head excepted. A new array for each message. */
  fields: Field[] = [];
  /** The blank line has been read. */
  isDone = false;
  /** Content-Length; -1: none. */
  contentLength = -1;
  isChunked = false;
  /** Bits of {@link CONNECTION}, and the number of names. */
  connection = 0;
  /** Value of Host; undefined: none came. */
  host: string | undefined = undefined;
  /** Value of Upgrade. */
  upgrade: string | undefined = undefined;
  /** `Expect: 100-continue`. */
  expectsContinue = false;

  protected readonly limits: Http1Limits;
  /** The start line has been read; a reader of trailers waits for none. */
  protected hasStarted: boolean;
  readonly #isHead: boolean;
  readonly #memo = new LineMemo();
  #usedBytes = 0;
  #count = 0;
  #carry: Uint8Array = NO_BYTES;
  #carryLength = 0;

  constructor(limits: Http1Limits, isHead: boolean) {
    this.limits = limits;
    this.#isHead = isHead;
    this.hasStarted = !isHead;
  }

  /** Makes ready for the next message. */
  restart(): void {
    this.fields = [];
    this.isDone = false;
    this.contentLength = -1;
    this.isChunked = false;
    this.connection = 0;
    this.host = undefined;
    this.upgrade = undefined;
    this.expectsContinue = false;
    this.hasStarted = !this.#isHead;
    this.#usedBytes = 0;
    this.#count = 0;
    this.#carry = NO_BYTES;
    this.#carryLength = 0;
  }

  /** True: nothing has come since {@link restart}. */
  get isFresh(): boolean {
    return this.#usedBytes === 0;
  }

  /** Reads on and returns where it stopped: behind the blank line once {@link isDone}, else at `end`. Throws {@link MessageError}. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const allowed = this.limits.maxHeadBytes - this.#usedBytes;
    const last = end - start > allowed ? start + allowed : end;
    let at = start;
    if (this.#carryLength > 0) {
      while (at < last && bytes[at] !== LF) at++;
      if (at < last) {
        at++;
        this.#keep(bytes, start, at);
        const lineLength = this.#carryLength;
        this.#carryLength = 0;
        this.#lines(this.#carry, 0, lineLength);
      } else {
        this.#keep(bytes, start, at);
        if (!this.hasStarted) this.checkStart(this.#carry, 0, this.#carryLength);
      }
    }
    if (!this.isDone && at < last) {
      const from = at;
      at = this.#lines(bytes, from, last);
      if (!this.isDone && at < last) {
        this.#keep(bytes, at, last);
        at = last;
      }
    }
    this.#usedBytes += at - start;
    if (!this.isDone && last < end) {
      throw this.hasStarted
        ? new MessageError(431, 'Head or trailers too large')
        : new MessageError(414, 'Request line too long');
    }
    return at;
  }

  /** Looks at the first bytes of a start line that may not be whole. Throws where they can begin none. */
  protected checkStart(_bytes: Uint8Array, _start: number, _end: number): void {}

  /** Reads a start line and returns where the next line begins, -1 when it is not whole. Trailers have none. */
  protected startLine(_bytes: Uint8Array, at: number, _end: number): number {
    return at;
  }

  /** Whether a line ends at or behind `at`: what is wrong in a line is said only when the line is whole, so that it does not matter how the bytes were cut. */
  protected isWhole(bytes: Uint8Array, at: number, end: number): boolean {
    for (let index = at; index < end; index++) if (bytes[index] === LF) return true;
    return false;
  }

  /** Where the line that ends at `at` is followed by the next; -1 when it is not whole. Throws where `at` is no line's end. */
  protected lineEnd(bytes: Uint8Array, at: number, end: number, what: string): number {
    if (at < end) {
      const byte = bytes[at]!;
      if (byte === CR) {
        if (at + 1 < end && bytes[at + 1] === LF) return at + 2;
      } else if (byte === LF && this.#isHead) return at + 1;
      if (this.isWhole(bytes, at, end)) throw new MessageError(400, what);
    }
    return -1;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#carryLength + end - start;
    if (length > this.#carry.length) {
      const grown = new Uint8Array(Math.max(256, length * 2));
      grown.set(this.#carry.subarray(0, this.#carryLength), 0);
      this.#carry = grown;
    }
    this.#carry.set(bytes.subarray(start, end), this.#carryLength);
    this.#carryLength = length;
  }

  /** Reads whole lines; returns where the first begins that is not, or behind the blank line. */
  #lines(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (!this.hasStarted) {
      at = this.startLine(bytes, at, end);
      if (at < 0) return start;
    }
    while (at < end) {
      const line = this.#memo.find(this.#count, bytes, at, end);
      if (line !== undefined) {
        this.#take(line.name.field, line.field);
        at += line.bytes.length;
        continue;
      }
      let next = at;
      let hash = HASH_START;
      let byte = 0;
      while (next < end) {
        byte = bytes[next]!;
        const lower = TOKEN[byte]!;
        if (lower === 0) break;
        hash = Math.imul(hash ^ lower, HASH_STEP);
        next++;
      }
      if (next === end) return at;
      if (byte !== COLON || next === at) {
        if (next === at && (byte === CR || byte === LF)) {
          const behind = this.lineEnd(bytes, at, end, 'CR without LF');
          if (behind < 0) return at;
          this.isDone = true;
          return behind;
        }
        if (!this.isWhole(bytes, at, end)) return at;
        throw new MessageError(
          400,
          next === at ? 'Field without a name, or folded line' : 'Field name with a byte that none may have',
        );
      }
      const nameEnd = next++;
      while (next < end && (bytes[next] === SPACE || bytes[next] === TAB)) next++;
      const valueStart = next;
      while (next < end && VALUE[bytes[next]!] === 1) next++;
      const behind = this.lineEnd(bytes, next, end, 'Field value with a control character');
      if (behind < 0) return at;
      const name = nameOf(bytes, at, nameEnd, hash);
      const field = fieldWith(name, bytes, valueStart, next, hash);
      this.#memo.keep(this.#count, bytes, at, behind, name, field);
      this.#take(name.field, field);
      at = behind;
    }
    return at;
  }

  #take(kind: number, field: Field): void {
    if (++this.#count > this.limits.maxHeaders) throw new MessageError(431, 'Too many header fields');
    if (kind === FIELD.OTHER || kind === FIELD.SECRET) this.fields.push(field);
    else this.#note(kind, field);
  }

  /** Takes a field that says something of the message itself. */
  #note(kind: number, field: Field): void {
    if (!this.#isHead) {
      if (!framesMessage(kind)) this.fields.push(field);
      return; // RFC 9110, 6.5.1: what frames a message is no trailer; a recipient may leave it out
    }
    const value = field[1];
    switch (kind) {
      case FIELD.HOST:
        if (this.host !== undefined) throw new MessageError(400, 'More than one Host');
        this.host = value;
        return;
      case FIELD.CONTENT_LENGTH:
        if (this.contentLength >= 0) throw new MessageError(400, 'More than one Content-Length');
        this.contentLength = parseContentLength(value);
        if (this.contentLength < 0) throw new MessageError(400, 'Content-Length that is no number');
        break;
      case FIELD.TRANSFER_ENCODING:
        if (this.isChunked) throw new MessageError(501, 'More than one Transfer-Encoding');
        checkTransferEncoding(value);
        this.isChunked = true;
        break;
      case FIELD.CONNECTION:
        this.connection = parseConnection(value, this.connection);
        break;
      case FIELD.UPGRADE:
        this.upgrade ??= value;
        break;
      case FIELD.EXPECT:
        if (value.toLowerCase() === '100-continue') this.expectsContinue = true;
        break;
      default:
    }
    this.fields.push(field);
  }
}
