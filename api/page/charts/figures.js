// Figures of levels, from exact arithmetic. Only quotients are rounded.

import { mostDecimals, quotient, textOf, unitsOf } from "../parts/exact.js";

/** Return the middle of two prices, exactly: it has one decimal more than they. */
export function middle(bid, ask) {
  const decimals = mostDecimals([bid, ask]);
  return textOf((unitsOf(bid, decimals) + unitsOf(ask, decimals)) * 5n, decimals + 1);
}

/** Return the sum of some decimals, exactly. */
export function sum(texts) {
  const decimals = mostDecimals(texts);
  return textOf(texts.reduce((total, text) => total + unitsOf(text, decimals), 0n), decimals);
}

/** Return (bids − asks) / (bids + asks) of the quantities of levels, in percent with `decimals`;
 *  null if there are none.
 */
export function imbalance(bids, asks, decimals = 2) {
  const qtys = [bids, asks].map((levels) => levels.map(([, qty]) => qty));
  const places = mostDecimals(qtys.flat());
  const [bid, ask] = qtys.map((texts) => texts.reduce((total, text) => total + unitsOf(text, places), 0n));
  return bid + ask === 0n ? null : quotient((bid - ask) * 100n, bid + ask, decimals);
}

/** Return for each level, best first, the quantity and the cost of all up to it, exactly. */
export function cumulate(levels) {
  const [ofPrices, ofQtys] = [0, 1].map((part) => mostDecimals(levels.map((level) => level[part])));
  let [qty, cost] = [0n, 0n];
  return levels.map((level) => {
    const lots = unitsOf(level[1], ofQtys);
    qty += lots;
    cost += lots * unitsOf(level[0], ofPrices);
    return { price: level[0], qty: textOf(qty, ofQtys), cost: textOf(cost, ofPrices + ofQtys) };
  });
}
