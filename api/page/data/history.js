// The last ten minutes of one book: a sample a second, from /events at first and then live.

import { PastError, readPast } from "./past.js";
import { rebuild } from "./rebuild.js";
import { Levels, SECONDS, Sample, SampleRing } from "./samples.js";

// A clock that differs less from the server's is not corrected: the header has whole seconds.
const LEAST_SKEW = 2000;
// A request begins this many seconds before the first missing sample, to have an event before it.
const LEAD = 10;
// The least time between two requests of the past, in seconds; it doubles after each failure.
const PAUSE = 10;
const MOST_FAILURES = 4;

export class BookHistory {
  #followed;
  #read;
  #clock;
  #ring = new SampleRing();
  #listeners = new Set();
  #aborter = new AbortController();
  #timer = null;
  // The server's clock minus this browser's, in ms.
  #skew = 0;
  #filledAt = null;
  // The last second that a good request has covered.
  #filledUntil = null;
  #isFilling = false;
  // Whether samples are missing that the server may have.
  #hasGap = true;
  // The failed requests since the last good one.
  #failures = 0;
  /** Why the past could not be read; null if nothing failed. */
  failure = null;

  /** `read` has the form of `readPast`; `clock` returns the time in ms since 1970. */
  constructor(followed, { read = readPast, clock = Date.now } = {}) {
    this.#followed = followed;
    this.#read = read;
    this.#clock = clock;
  }

  /** Whether the past is being read. */
  get isFilling() {
    return this.#isFilling;
  }

  /** The last second that was reached, by the server's clock; null before the first sample. */
  get last() {
    return this.#ring.last;
  }

  /** Begin to sample. */
  open() {
    this.#wait();
  }

  close() {
    clearTimeout(this.#timer);
    this.#aborter.abort();
    this.#listeners.clear();
  }

  /** Call `listener` after each second, and when the past has been read. */
  listen(listener) {
    this.#listeners.add(listener);
  }

  /** Return one entry for each of the last `SECONDS` seconds: a Sample, or null for a gap. */
  samples() {
    return this.#ring.all();
  }

  /** Return the sample of a second, null for a gap. */
  at(second) {
    return this.#ring.at(second);
  }

  /** Take a sample of the present book, if it is live and verified. */
  tick() {
    const second = this.#second;
    const { reader, verdict } = this.#followed;
    const { last } = this.#ring;
    // The clock was set back: what is known has other times than what comes.
    if (last !== null && second < last - SECONDS) this.#ring.clear();
    if (verdict.doubt === null && reader.position !== null) {
      this.#put(this.#present(second), last);
      if (this.#hasGap && this.#mayFill(second)) this.fill();
    } else if (last !== null) {
      this.#ring.reach(second);
    }
    this.#tell();
  }

  /** Read the past, and keep the samples that are missing. */
  async fill() {
    const { reader } = this.#followed;
    const { book, position } = reader;
    const present = { position, depth: book.depth, bids: book.bids.best(book.depth), asks: book.asks.best(book.depth) };
    const second = this.#second;
    const from = 1000 * this.#firstMissing(second);
    this.#isFilling = true;
    this.#hasGap = false;
    this.#filledAt = second;
    try {
      const { entries, skew } = await this.#read(this.#followed.symbol, from, position, this.#aborter.signal);
      this.#correct(skew);
      const until = this.#ring.last ?? this.#second;
      for (const part of rebuild(entries, present, until)) {
        for (const sample of part) this.#ring.put(sample);
        await this.#pause();
      }
      this.failure = null;
      this.#failures = 0;
      this.#filledUntil = second;
    } catch (error) {
      if (this.#aborter.signal.aborted) return;
      if (!(error instanceof PastError)) throw error;
      this.failure = error.message;
      this.#failures += 1;
      this.#hasGap = this.#failures < MOST_FAILURES;
    } finally {
      this.#isFilling = false;
    }
    this.#tell();
  }

  /** The last whole second. A sample is the book at the end of its second. */
  get #second() {
    return Math.floor((this.#clock() + this.#skew) / 1000) - 1;
  }

  /** Keep a new sample; `last` is the second that was reached before. */
  #put(sample, last) {
    const before = last === null ? null : this.at(last);
    const isUnchanged = before !== null && before.epoch === sample.epoch && before.seq === sample.seq;
    const isNext = before !== null && sample.second <= last + 1;
    // A late timer leaves out seconds in which nothing has changed.
    for (let second = isUnchanged ? last + 1 : sample.second; second <= sample.second; second += 1) {
      this.#ring.put(sample.at(second));
    }
    this.#hasGap ||= !isUnchanged && !isNext;
  }

  /** Return the second from which events are needed: all at first, later those of the gaps. */
  #firstMissing(second) {
    const oldest = second - SECONDS;
    if (this.#filledUntil === null) return oldest;
    let missing = Math.max(oldest, this.#filledUntil + 1);
    while (missing < second && this.at(missing) !== null) missing += 1;
    return Math.max(oldest, missing - LEAD);
  }

  #present(second) {
    const { book, position } = this.#followed.reader;
    const last = this.at(this.#ring.last ?? second);
    if (last !== null && last.isWhole && last.epoch === position.epoch && last.seq === position.seq) {
      return last.at(second);
    }
    const [bids, asks] = [book.bids, book.asks].map((side) => new Levels(side.best(book.depth)));
    return new Sample({ second, ...position, bids, asks, isWhole: true });
  }

  #mayFill(second) {
    return !this.#isFilling && (this.#filledAt === null || second - this.#filledAt >= PAUSE * 2 ** this.#failures);
  }

  /** Use the server's clock from now on, if this browser's is wrong. */
  #correct(skew) {
    if (Math.abs(skew - this.#skew) < LEAST_SKEW) return;
    this.#skew = Math.abs(skew) < LEAST_SKEW ? 0 : skew;
    this.#ring.clear();
    this.#filledUntil = null;
    this.#ring.reach(this.#second);
  }

  /** Let the page do other work; throw if the history is closed. */
  async #pause() {
    await new Promise((resolve) => setTimeout(resolve));
    this.#aborter.signal.throwIfAborted();
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }

  /** Take the next sample shortly after the next second begins. A hidden page takes none. */
  #wait() {
    const rest = 1000 - ((this.#clock() + this.#skew) % 1000);
    this.#timer = setTimeout(() => {
      if (!globalThis.document?.hidden) this.tick();
      this.#wait();
    }, rest);
  }
}
