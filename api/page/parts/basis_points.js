// Prices relative to the mid, in basis points: exact, then rounded half to even to two decimals.

import { mostDecimals, quotient, unitsOf } from "./exact.js";

export const DECIMALS = 2;

/** Return the spread in basis points of the mid; null without both prices, or if the ask is below
 *  the bid.
 */
export function spreadPoints(bid, ask) {
  if (bid === null || ask === null) return null;
  const decimals = mostDecimals([bid, ask]);
  const [low, high] = [unitsOf(bid, decimals), unitsOf(ask, decimals)];
  if (high < low || high === 0n) return null;
  return pointsOf(2n * (high - low), low + high);
}

/** Return the distance of `price` from `mid`, which is above zero, in basis points of `mid`. */
export function distancePoints(price, mid) {
  const decimals = mostDecimals([price, mid]);
  const base = unitsOf(mid, decimals);
  return pointsOf(unitsOf(price, decimals) - base, base);
}

/** Return a quotient in basis points. */
export function pointsOf(numerator, denominator) {
  return quotient(numerator * 10_000n, denominator, DECIMALS);
}
