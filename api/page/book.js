// The bids and asks of one symbol, at most `depth` levels each. Prices and quantities are texts.

import { compare, difference, isDecimal, isZero } from "./decimal.js";

/** A level is invalid, so the book cannot be right. */
export class LevelError extends Error {}

/** The levels of one side; `direction` is 1 for asks, whose lowest price is best, and -1 for bids. */
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

  /** Return the best `count` levels, best first, as `[price, qty]`. */
  best(count) {
    return this.#prices.slice(0, count).map((price) => [price, this.#qtys.get(price)]);
  }

  /** Set or remove `levels` in their order, then keep the best `depth`. Kraken sends no deletion
   *  for a level that leaves the window. */
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

  /** Return the index of `price` among the prices, or the index at which to insert it. */
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

  /** Apply a whole event. After a LevelError the book must not be used. */
  apply(bids, asks) {
    this.bids.apply(bids, this.depth);
    this.asks.apply(asks, this.depth);
  }

  /** The price and quantity of the best bid, undefined if there is none. */
  get bestBid() {
    return this.bids.best(1)[0];
  }

  get bestAsk() {
    return this.asks.best(1)[0];
  }

  /** Whether the best bid is not below the best ask, as never in Kraken's book after a whole frame. */
  get isCrossed() {
    const [bid, ask] = [this.bestBid, this.bestAsk];
    return Boolean(bid && ask) && compare(bid[0], ask[0]) >= 0;
  }

  /** Best ask minus best bid, null if a side is empty or the book is crossed. */
  get spread() {
    const [bid, ask] = [this.bestBid, this.bestAsk];
    return bid && ask && !this.isCrossed ? difference(ask[0], bid[0]) : null;
  }
}
