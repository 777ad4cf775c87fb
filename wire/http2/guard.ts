/**
 * Counts what costs a peer little and us much, from one tick to the next. Beyond its limit the connection ends with
 * ENHANCE_YOUR_CALM. Source: CVE-2023-44487, CVE-2025-8671 (resets), CVE-2019-9512, -9515, -9518 (pings, settings, empty frames).
 */
import { ERROR_CODE } from '../stream.ts';
import { Http2Error } from './error.ts';
import type { Http2Limits } from './limit.ts';

/** See the module. Each count throws an {@link Http2Error} where it is one too many. */
export class Guard {
  readonly #limits: Http2Limits;
  #resets = 0;
  #controlFrames = 0;
  #emptyFrames = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  ticked(): void {
    this.#resets = 0;
    this.#controlFrames = 0;
    this.#emptyFrames = 0;
  }

  /** A stream was reset, by the peer or for its errors. */
  reset(): void {
    if (++this.#resets > this.#limits.maxResets)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many streams were reset');
  }

  /** A PING or SETTINGS has come, which must be answered. */
  controlFrame(): void {
    if (++this.#controlFrames > this.#limits.maxControlFrames)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many PING and SETTINGS frames');
  }

  /** A frame has come that says nothing. */
  emptyFrame(): void {
    if (++this.#emptyFrames > this.#limits.maxEmptyFrames)
      throw new Http2Error(ERROR_CODE.ENHANCE_YOUR_CALM, 'Too many frames that say nothing');
  }
}
