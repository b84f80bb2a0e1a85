// One symbol's bids and asks, each at most `depth` levels; prices and quantities are texts.

import { compare, difference, isDecimal, isZero } from "./decimal.js";

/** A level that makes no sense: the book it was for cannot be known. */
export class LevelError extends Error {}

/** The levels of one side; `direction` is 1 where the lowest price is best (asks), else -1. */
class Side {
  #direction;
  #qtys = new Map();
  #prices = [];

  constructor(direction) {
    this.#direction = direction;
  }

  get length() {
    return this.#prices.length;
  }

  /** The best `count` levels, best first, as `[price, qty]`. */
  best(count) {
    return this.#prices.slice(0, count).map((price) => [price, this.#qtys.get(price)]);
  }

  /** Set or remove `levels` in their order, then keep the best `depth`: no delete is ever sent
   *  for a level that falls out. */
  apply(levels, depth) {
    for (const [price, qty] of levels) this.#set(price, qty);
    for (const price of this.#prices.splice(depth)) this.#qtys.delete(price);
  }

  #set(price, qty) {
    const makesSense = isDecimal(price) && isDecimal(qty) && !isZero(price);
    if (!makesSense) throw new LevelError(`level ${price} ${qty}`);
    const known = this.#qtys.has(price);
    if (isZero(qty)) {
      if (known) this.#prices.splice(this.#place(price), 1);
      this.#qtys.delete(price);
      return;
    }
    if (!known) this.#prices.splice(this.#place(price), 0, price);
    this.#qtys.set(price, qty);
  }

  /** Where `price` stands, or would stand, among the prices. */
  #place(price) {
    let low = 0;
    let high = this.#prices.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#prices[middle], price) * this.#direction < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export class Book {
  constructor(depth) {
    this.depth = depth;
    this.bids = new Side(-1);
    this.asks = new Side(1);
  }

  /** Apply one whole event; raises LevelError, and is then not to be used. */
  apply(bids, asks) {
    this.bids.apply(bids, this.depth);
    this.asks.apply(asks, this.depth);
  }

  /** The best bid's price and quantity, undefined where there is none. */
  get bestBid() {
    return this.bids.best(1)[0];
  }

  get bestAsk() {
    return this.asks.best(1)[0];
  }

  /** Kraken's books never are after a whole frame, whatever the checksum says. */
  get isCrossed() {
    const [bid, ask] = [this.bestBid, this.bestAsk];
    return Boolean(bid && ask) && compare(bid[0], ask[0]) >= 0;
  }

  /** Best ask less best bid, null where a side is empty or the book is crossed. */
  get spread() {
    const [bid, ask] = [this.bestBid, this.bestAsk];
    return bid && ask && !this.isCrossed ? difference(ask[0], bid[0]) : null;
  }
}
