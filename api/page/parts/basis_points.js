// The spread relative to the price.

import { decimalsOf, textOf, unitsOf } from "./exact.js";

// Decimals of the basis points that are shown.
const DECIMALS = 2;
const POINTS = 10_000n * 10n ** BigInt(DECIMALS);

/** Return the spread in basis points of the mid, exact and then rounded to two decimals, a half up;
 *  null without both prices, or if the ask is below the bid.
 */
export function basisPoints(bid, ask) {
  if (bid === null || ask === null) return null;
  const decimals = Math.max(decimalsOf(bid), decimalsOf(ask));
  const [low, high] = [unitsOf(bid, decimals), unitsOf(ask, decimals)];
  const total = low + high;
  if (high < low || total === 0n) return null;
  return textOf((4n * (high - low) * POINTS + total) / (2n * total), DECIMALS);
}
