// Levels grouped by steps of several ticks, and their cumulative quantities, exactly.
//
// Bids are grouped down and asks up, so that a group never shows a better price than its levels have.

import { decimalsOf, textOf, unitsOf } from "../parts/exact.js";

/** The sizes of groups, in ticks. */
export const SIZES = Object.freeze([1, 5, 10, 50, 100, 500, 1000, 5000, 10_000]);
// A group must be at most this share of the price: larger ones hide the market.
const SMALLEST_SHARE = 100n;

/** Return the sizes that make sense for a price. */
export function sizesFor(price) {
  const ticks = unitsOf(price, decimalsOf(price));
  return SIZES.filter((size) => size === 1 || BigInt(size) * SMALLEST_SHARE <= ticks);
}

/** Return the price of a group of `size` ticks of a price with `decimals` decimals, such as "0.5". */
export function stepText(size, decimals) {
  const text = textOf(BigInt(size), decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Return the best `most` groups of a side's levels as `[price, quantity, total, isCut]`, best first.
 *
 * `levels` are `[price, quantity]`, best first, of side "bid" or "ask". The total is the sum of the
 * quantities of this group and all better ones. `isWhole` is whether these are all levels of the
 * side; otherwise `isCut` is true for a last group that may have more levels beyond them.
 */
export function grouped(levels, side, size, isWhole, most = levels.length) {
  if (levels.length === 0) return [];
  const decimals = mostDecimals(levels, 0);
  const lotDecimals = mostDecimals(levels, 1);
  const step = BigInt(size);
  const groups = [];
  let total = 0n;
  for (const [price, qty] of levels) {
    const ticks = groupOf(unitsOf(price, decimals), step, side);
    const last = groups.at(-1);
    if (last?.ticks !== ticks && groups.length === most) return textsOf(groups, decimals, lotDecimals, false);
    const lots = unitsOf(qty, lotDecimals);
    total += lots;
    if (last?.ticks === ticks) {
      last.lots += lots;
      last.total = total;
    } else {
      groups.push({ ticks, lots, total });
    }
  }
  // The worst level is the last of its group only if its price is that of the group.
  const isCut = !isWhole && unitsOf(levels.at(-1)[0], decimals) !== groups.at(-1).ticks;
  return textsOf(groups, decimals, lotDecimals, isCut);
}

/** Return groups as texts; `isCut` is that of the last one. */
function textsOf(groups, decimals, lotDecimals, isCut) {
  return groups.map(({ ticks, lots, total }, index) => [
    textOf(ticks, decimals),
    textOf(lots, lotDecimals),
    textOf(total, lotDecimals),
    isCut && index === groups.length - 1,
  ]);
}

function groupOf(ticks, step, side) {
  const beyond = ticks % step;
  if (beyond === 0n) return ticks;
  return side === "bid" ? ticks - beyond : ticks - beyond + step;
}

function mostDecimals(levels, index) {
  return levels.reduce((most, level) => Math.max(most, decimalsOf(level[index])), 0);
}
