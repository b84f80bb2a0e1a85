// The books of the table with everything that a row shows.

import { pairOf, venueOf } from "../data/selection.js";
import { isDecimal } from "../kraken-book.js";
import { spreadPoints } from "../parts/basis_points.js";

// Statuses whose name says enough; the others are explained in the row.
const PLAIN = ["live", "stale", "syncing", "unknown"];

/** A book of the table. `facts` is what was known at the last `look`. */
export class BookLine {
  facts;
  isOpen = false;
  #symbol;
  #venue;
  #pair;
  #book = null;
  #isKnown = true;
  #history;
  #favourites;
  // The last result of spreadPoints, and its arguments.
  #points = { bid: null, ask: null, value: null };

  constructor(symbol, history, favourites) {
    this.#symbol = symbol;
    this.#venue = venueOf(symbol);
    this.#pair = pairOf(symbol);
    this.#history = history;
    this.#favourites = favourites;
  }

  /** Set the sources of the line: the book of /books, and the followed one if its stream is read.
   *  `isKnown` is whether the last request for /books succeeded. */
  take(polled, followed, isKnown) {
    this.#book = followed ?? polled;
    this.isOpen = followed !== undefined;
    // The stream of an open book goes on while /books fails.
    this.#isKnown = this.isOpen || isKnown;
  }

  /** Read the book again; return its facts. */
  look() {
    const { status, why, bid, ask, spread, age } = this.#book.summary;
    this.facts = {
      symbol: this.#symbol,
      pair: this.#pair,
      venue: this.#venue,
      isFavourite: Number(this.#favourites.has(this.#symbol)),
      status: this.#isKnown ? status : "unknown",
      why: this.#isKnown ? why : "",
      isExplained: !PLAIN.includes(status) && this.#isKnown,
      bid: decimalOrNull(bid),
      ask: decimalOrNull(ask),
      spread: decimalOrNull(spread),
      points: this.#pointsOf(decimalOrNull(bid), decimalOrNull(ask)),
      age,
      rate: this.#history.rate(this.#symbol),
      change: this.#history.change(this.#symbol),
    };
    return this.facts;
  }

  /** The mids of the last minutes. */
  get samples() {
    return this.#history.mids(this.#symbol);
  }

  #pointsOf(bid, ask) {
    if (bid !== this.#points.bid || ask !== this.#points.ask) {
      this.#points = { bid, ask, value: spreadPoints(bid, ask) };
    }
    return this.#points.value;
  }
}

// An api of another version may send something else.
function decimalOrNull(value) {
  return isDecimal(value) ? value : null;
}
