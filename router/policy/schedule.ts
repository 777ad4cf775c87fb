/**
 * Earliest deadline first: who comes next is who has waited longest for its weight, as Envoy takes turns among
 * endpoints of different weights. A heap in arrays. Imports nothing.
 *
 * Source: Envoy `source/common/upstream/edf_scheduler.h` (EdfScheduler).
 */

/** Entries are numbers from 0 on. Each has a place in the heap at all times. */
export class Schedule {
  readonly #deadlines: Float64Array;
  /** Breaks ties: who was put in first. */
  readonly #orders: Float64Array;
  readonly #heap: Uint32Array;
  #now = 0;
  #order = 0;

  /** Every entry waits once for its weight, which is above 0. There is at least one. */
  constructor(weights: readonly number[]) {
    const { length } = weights;
    this.#deadlines = Float64Array.from(weights, (weight) => 1 / weight);
    this.#orders = new Float64Array(length).map(() => this.#order++);
    this.#heap = new Uint32Array(length).map((_, index) => index);
    for (let at = (length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  /** Whose turn it is. */
  get next(): number {
    return this.#heap[0]!;
  }

  /** Takes the next turn; its entry waits again, for the weight that it has now. */
  take(weight: number): void {
    const entry = this.#heap[0]!;
    this.#now = this.#deadlines[entry]!;
    this.#deadlines[entry] = this.#now + 1 / weight;
    this.#orders[entry] = this.#order++;
    this.#sink(0);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const deadlines = this.#deadlines;
    const orders = this.#orders;
    const { length } = heap;
    const entry = heap[from]!;
    const deadline = deadlines[entry]!;
    const order = orders[entry]!;
    let at = from;
    while (true) {
      let child = 2 * at + 1;
      if (child >= length) break;
      let first = heap[child]!;
      if (child + 1 < length) {
        const second = heap[child + 1]!;
        const difference = deadlines[second]! - deadlines[first]!;
        if (difference < 0 || (difference === 0 && orders[second]! < orders[first]!)) {
          first = second;
          child++;
        }
      }
      const difference = deadlines[first]! - deadline;
      if (difference > 0 || (difference === 0 && orders[first]! > order)) break;
      heap[at] = first;
      at = child;
    }
    heap[at] = entry;
  }
}
