// Figures of levels, from exact arithmetic. Only quotients are rounded: half to even, to the decimals
// that the caller asks for.

import { decimalsOf, textOf, unitsOf } from "../parts/exact.js";

/** Return the greatest number of decimals of some texts, 0 without any. */
export function mostDecimals(texts) {
  return texts.reduce((most, text) => Math.max(most, decimalsOf(text)), 0);
}

/** Return `numerator / denominator` as a whole number, rounded half to even. */
export function divide(numerator, denominator) {
  if (denominator < 0n) return divide(-numerator, -denominator);
  const isNegative = numerator < 0n;
  const size = isNegative ? -numerator : numerator;
  let whole = size / denominator;
  const twice = 2n * (size % denominator);
  if (twice > denominator || (twice === denominator && whole % 2n === 1n)) whole += 1n;
  return isNegative ? -whole : whole;
}

/** Return `numerator / denominator` as a text with `decimals`, rounded half to even. */
export function quotient(numerator, denominator, decimals) {
  return textOf(divide(numerator * 10n ** BigInt(decimals), denominator), decimals);
}

/** Return the middle of two prices, exactly: it has one decimal more than they. */
export function middle(bid, ask) {
  const decimals = mostDecimals([bid, ask]);
  return textOf((unitsOf(bid, decimals) + unitsOf(ask, decimals)) * 5n, decimals + 1);
}

/** Return the distance of `price` from `mid` in basis points of `mid`, rounded to `decimals`. */
export function basisPoints(price, mid, decimals = 2) {
  const places = mostDecimals([price, mid]);
  const base = unitsOf(mid, places);
  return quotient((unitsOf(price, places) - base) * 10_000n, base, decimals);
}

/** Return the spread of two prices in basis points of their middle, rounded to `decimals`. */
export function spreadPoints(bid, ask, decimals = 2) {
  const places = mostDecimals([bid, ask]);
  const [low, high] = [bid, ask].map((text) => unitsOf(text, places));
  return quotient((high - low) * 20_000n, high + low, decimals);
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
