// The levels of a past book that are known to be right, although no snapshot has the whole book.
//
// A level that was pushed out of the window leaves without an event, and returns only with one. So
// a level is right after an event that has set it
//
// - if the next event about it deletes it, or if there is none and the present book has it: it has
//   been in the window all the time;
// - if it is not worse than a level that no event has touched: that one has been in the window all
//   the time, so no better one can have been pushed out.

import { compare } from "../kraken-book.js";

const NON_ZERO = /[1-9]/;
const KEPT = "kept";
const DELETED = "deleted";
const CHANGED = "changed";

/** The levels of one side. */
class CertainSide {
  /** The levels of the present book that no event has touched, best first. */
  untouched;
  #prices;
  // For each event, whether each of its levels is in the window until the next event about it.
  #stays;
  #events;
  #sign;
  #anchor;

  /** `events` have the levels of each event, `present` those of the present book, best first. */
  constructor(events, present, sign) {
    const next = new Map(present.map(([price]) => [price, KEPT]));
    this.#sign = sign;
    this.#events = events;
    this.#stays = events.map(() => []);
    for (let index = events.length - 1; index >= 0; index -= 1) {
      this.#stays[index] = events[index].toReversed().map(([price, qty]) => {
        const fate = next.get(price);
        next.set(price, NON_ZERO.test(qty) ? CHANGED : DELETED);
        return fate === KEPT || fate === DELETED;
      }).reverse();
    }
    this.untouched = present.filter(([price]) => next.get(price) === KEPT);
    this.#prices = new Set(this.untouched.map(([price]) => price));
    this.#anchor = this.untouched.at(-1)?.[0];
  }

  /** Go on to the book after an event. */
  pass(index) {
    this.#events[index].forEach(([price, qty], place) => {
      if (NON_ZERO.test(qty) && this.#stays[index][place]) this.#prices.add(price);
      else this.#prices.delete(price);
    });
  }

  /** Return whether the level of a price is right in the book after the last passed event. */
  has(price) {
    if (this.#prices.has(price)) return true;
    return this.#anchor !== undefined && this.#sign * compare(price, this.#anchor) <= 0;
  }
}

/** The levels of both sides. */
export class CertainLevels {
  /** `events` are the updates of a run in order; `present` is the book after the last one, or null if it
   *  is unknown.
   */
  constructor(events, present) {
    const side = (name, sign) => new CertainSide(events.map((event) => event[name] ?? []), present?.[name] ?? [], sign);
    this.bids = side("bids", -1);
    this.asks = side("asks", 1);
  }

  pass(index) {
    this.bids.pass(index);
    this.asks.pass(index);
  }
}
