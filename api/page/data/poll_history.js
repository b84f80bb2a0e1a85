// The last minutes of each book as /books reported them: mids for the sparkline, and update rates.
//
// All books share the times of the responses. Each book has a ring of mids, so five minutes of a
// book take 1.3 kB.

// The number of mids of a book: five minutes at one response in 2 s.
const SAMPLES = 150;
export const SPAN = 300_000;
// The rate is an average over this number of responses, and not over a pause of more than RATE_SPAN.
const RATE_SAMPLES = 6;
const RATE_SPAN = 15_000;

/** What was known of one book at each response. */
class Track {
  mids = new Float64Array(SAMPLES).fill(NaN);
  seqs = new Float64Array(RATE_SAMPLES).fill(NaN);
  epoch = null;
  rate = null;
}

export class PollHistory {
  #times = new Float64Array(SAMPLES).fill(NaN);
  #count = 0;
  #tracks = new Map();

  /** Add a response of /books that arrived at `time`, in ms; books that it lacks are forgotten. */
  take(books, time) {
    this.#times[this.#count % SAMPLES] = time;
    const tracks = new Map();
    for (const book of books) {
      const track = this.#tracks.get(book.symbol) ?? new Track();
      tracks.set(book.symbol, track);
      track.mids[this.#count % SAMPLES] = midOf(book);
      this.#takeSeq(track, book);
    }
    this.#tracks = tracks;
    this.#count += 1;
  }

  /** Return the updates per second of a book, null until two responses have the same epoch. */
  rate(symbol) {
    return this.#tracks.get(symbol)?.rate ?? null;
  }

  /** Return the samples of the last five minutes, oldest first: `[time, mid]`, in which the mid is
   *  NaN if the book was not live. */
  mids(symbol) {
    const track = this.#tracks.get(symbol);
    if (track === undefined) return [];
    const samples = [];
    for (let number = this.#earliest; number < this.#count; number += 1) {
      samples.push([this.#time(number), track.mids[number % SAMPLES]]);
    }
    return samples;
  }

  /** Return the last mid relative to the first one of the last five minutes, such as 0.01 if it rose
   *  by a hundredth; null without two mids. */
  change(symbol) {
    const { mids } = this.#tracks.get(symbol) ?? new Track();
    let [first, last] = [this.#earliest, this.#count - 1];
    while (first < last && Number.isNaN(mids[first % SAMPLES])) first += 1;
    while (first < last && Number.isNaN(mids[last % SAMPLES])) last -= 1;
    return first < last ? mids[last % SAMPLES] / mids[first % SAMPLES] - 1 : null;
  }

  /** The number of the first response that is not older than five minutes. */
  get #earliest() {
    const since = this.#time(this.#count - 1) - SPAN;
    let number = Math.max(0, this.#count - SAMPLES);
    while (number < this.#count && this.#time(number) < since) number += 1;
    return number;
  }

  #takeSeq(track, { seq, epoch }) {
    // Each epoch numbers its events anew.
    if (epoch !== track.epoch) track.seqs.fill(NaN);
    track.epoch = epoch;
    track.seqs[this.#count % RATE_SAMPLES] = seq ?? NaN;
    track.rate = this.#rateOf(track.seqs);
  }

  #rateOf(seqs) {
    const time = this.#time(this.#count);
    const seq = seqs[this.#count % RATE_SAMPLES];
    for (let number = Math.max(0, this.#count - RATE_SAMPLES + 1); number < this.#count; number += 1) {
      const events = seq - seqs[number % RATE_SAMPLES];
      const elapsed = time - this.#time(number);
      if (events >= 0 && elapsed > 0 && elapsed <= RATE_SPAN) return (events * 1000) / elapsed;
    }
    return null;
  }

  #time(number) {
    return this.#times[number % SAMPLES];
  }
}

/** Return the middle of the best prices of a live book, only for drawing; NaN if there is none. */
function midOf({ status, best_bid: bid, best_ask: ask }) {
  return status === "live" ? (Number(bid?.price) + Number(ask?.price)) / 2 : NaN;
}
