// The samples of a book: one a second, of the last ten minutes, in a ring of bounded size.

/** The number of seconds that are kept. */
export const SECONDS = 600;
/** The levels of a side that a sample keeps. With 1,000 a page would need 30 MB for each book. */
export const MOST_LEVELS = 200;

/** The best levels of one side, best first: exact texts, and rounded numbers for drawing. */
export class Levels {
  #texts;

  /** `pairs` are `[price, qty]`, best first; at most `MOST_LEVELS` are kept. */
  constructor(pairs) {
    const kept = pairs.slice(0, MOST_LEVELS);
    this.#texts = kept.flat();
    this.prices = Float64Array.from(kept, ([price]) => Number(price));
    this.qtys = Float64Array.from(kept, ([, qty]) => Number(qty));
  }

  get length() {
    return this.prices.length;
  }

  /** Return price and quantity of a level as texts, undefined if there is none. */
  at(index) {
    if (index >= this.length) return undefined;
    return [this.#texts[2 * index], this.#texts[2 * index + 1]];
  }

  /** Return the best `count` levels as `[price, qty]`. */
  best(count = this.length) {
    return Array.from({ length: Math.min(count, this.length) }, (_, index) => this.at(index));
  }
}

/** The proved book at the end of one second. */
export class Sample {
  /** `isWhole` is false if the book was rebuilt without a snapshot: its best ten levels of each side are
   *  complete; the deeper ones are right, but some may be missing.
   */
  constructor({ second, epoch, seq, bids, asks, isWhole }) {
    Object.assign(this, { second, epoch, seq, bids, asks, isWhole });
  }

  /** Return the same book at another second; it shares the levels. */
  at(second) {
    return second === this.second ? this : new Sample({ ...this, second });
  }
}

/** The samples of the last `SECONDS` seconds; a second without a sample is a gap. */
export class SampleRing {
  #slots = new Array(SECONDS).fill(null);
  /** The latest second that has been reached; null before the first. */
  last = null;

  /** The earliest second that is kept. */
  get first() {
    return this.last === null ? null : this.last - SECONDS + 1;
  }

  /** Move on to a second, which may have no sample. */
  reach(second) {
    if (this.last === null || second > this.last) this.last = second;
  }

  /** Keep a sample, unless its second is too old, or has one already. */
  put(sample) {
    this.reach(sample.second);
    if (sample.second < this.first || this.at(sample.second) !== null) return false;
    this.#slots[sample.second % SECONDS] = sample;
    return true;
  }

  /** Return the sample of a second, null if there is none. */
  at(second) {
    const sample = this.#slots[second % SECONDS];
    return sample?.second === second ? sample : null;
  }

  /** Return one entry for each second that is kept, oldest first: a sample, or null for a gap. */
  all() {
    if (this.last === null) return [];
    return Array.from({ length: SECONDS }, (_, index) => this.at(this.first + index));
  }

  clear() {
    this.#slots.fill(null);
    this.last = null;
  }
}
