/**
 * Counts what costs a peer little and us much: what there may be from one tick to the next, beyond which the connection
 * ends with ENHANCE_YOUR_CALM, and what is dealt with in one turn of the event loop, beyond which it waits. Source: CVE-2023-44487, CVE-2025-8671 (resets), CVE-2019-9511 (windows opened by the byte), -9512,
 * -9515, -9518 (pings, settings, empty frames).
 */
import { ERROR_CODE } from '../stream.ts';
import { Http2Error } from './error.ts';
import type { Http2Limits } from './limit.ts';

/** A DATA frame smaller than this, because a window was, is one that the peer asked for by the byte. */
const SMALL_BYTES = 256;
/** WINDOW_UPDATE frames that each DATA frame may be answered by: one for its stream and one for the connection. */
const UPDATES_PER_DATA = 2;

// What counts how much of a turn's work: see `maxWorkPerTurn`.
const REQUEST_WORK = 12;
const RESET_WORK = 64;
const BLOCK_BYTES = 128;

/** See the module. Each count of a tick throws an {@link Http2Error} where it is one too many. */
export class Guard {
  readonly #limits: Http2Limits;
  #resets = 0;
  #pings = 0;
  #settings = 0;
  #emptyFrames = 0;
  /** Those that DATA sent before does not account for. */
  #windowUpdates = 0;
  #dataCredit = 0;
  #smallFrames = 0;
  #work = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  ticked(): void {
    this.#resets = 0;
    this.#pings = 0;
    this.#settings = 0;
    this.#emptyFrames = 0;
    this.#windowUpdates = 0;
    this.#smallFrames = 0;
  }

  /** A turn of the event loop is over. */
  turned(): void {
    this.#work = 0;
  }

  /** So much has come in this turn that the rest waits for the next. */
  get isBusy(): boolean {
    return this.#work >= this.#limits.maxWorkPerTurn;
  }

  /** A frame has come. */
  frame(): void {
    this.#work++;
  }

  /** A header block of so many bytes has come. */
  block(bytes: number): void {
    this.#work += Math.trunc(bytes / BLOCK_BYTES);
  }

  /** A request has come. */
  request(): void {
    this.#work += REQUEST_WORK;
  }

  /** A stream was reset, by the peer or for its errors. */
  reset(): void {
    this.#work += RESET_WORK;
    if (++this.#resets > this.#limits.maxResets)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many streams were reset');
  }

  /** A PING has come, which must be answered. */
  ping(): void {
    if (++this.#pings > this.#limits.maxPings)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many PING frames');
  }

  /** SETTINGS have come, which must be answered. */
  settings(): void {
    if (++this.#settings > this.#limits.maxSettings)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many SETTINGS frames');
  }

  /** DATA was sent; `bytes` are few only where a window allowed no more. */
  sentData(bytes: number): void {
    if (bytes < SMALL_BYTES) this.#smallFrames++;
    if (this.#dataCredit < this.#limits.maxEmptyFrames) this.#dataCredit += UPDATES_PER_DATA;
  }

  /** WINDOW_UPDATE has come. */
  windowUpdate(): void {
    if (this.#dataCredit > 0) this.#dataCredit--;
    else this.#windowUpdates++;
    if (this.#windowUpdates > this.#limits.maxEmptyFrames || this.#smallFrames > this.#limits.maxEmptyFrames)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many WINDOW_UPDATE frames for what was sent');
  }

  /** A frame has come that says nothing. */
  emptyFrame(): void {
    if (++this.#emptyFrames > this.#limits.maxEmptyFrames)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many frames that say nothing');
  }
}
