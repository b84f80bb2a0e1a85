// What a market order would pay or receive at the levels of a book, without fees, exactly.

import { isDecimal } from "../kraken-book.js";
import { pointsOf } from "../parts/basis_points.js";
import { decimalsOf, divide, mostDecimals, quotient, textOf, unitsOf } from "../parts/exact.js";
import { middle } from "./figures.js";

const LONGEST = 40;
// Quotients of prices have this many decimals more than the book's prices.
const MORE_DECIMALS = 2;

/** Return the amount that a visitor typed as a decimal above zero; null if it is none. */
export function parseAmount(text) {
  const bare = text.trim().replace(/^\./, "0.").replace(/\.$/, "").replace(/^0+(?=\d)/, "");
  const isUsable = bare.length <= LONGEST && isDecimal(bare) && /[1-9]/.test(bare);
  return isUsable ? bare : null;
}

/** Return the result of a market order.
 *
 * Levels are taken from the best one. If `amount` is in the quote currency, the quantity of the
 * last level is rounded down to a whole lot, so at most `amount` is spent or received.
 *
 * @param {{side: "buy" | "sell", amount: string, unit: "base" | "quote"}} order
 * @param {{bids: string[][], asks: string[][]}} levels Best first, as `[price, qty]`.
 * @returns {object | null} Null if either side is empty. `filled` is the quantity; `unfilled` is the
 * rest of `amount`, in its unit; `total` is exact; `average` and `slippage` (against the mid, above
 * zero if it costs) are rounded half to even to two decimals more than prices have; `points` is
 * the slippage in basis points with two decimals. These three are null if nothing is filled.
 */
export function fillOrder({ side, amount, unit }, { bids, asks }) {
  if (bids.length === 0 || asks.length === 0) return null;
  const taken = side === "buy" ? asks : bids;
  const scale = scaleOf(taken, amount, unit);
  const used = unit === "base" ? takeQuantity(taken, amount, scale) : takeCost(taken, amount, scale);
  return { ...textsOf(used, scale), ...slippageOf(used, scale, side, middle(bids[0][0], asks[0][0])) };
}

/** The decimals of prices, quantities and the amount in this calculation. */
function scaleOf(levels, amount, unit) {
  const prices = mostDecimals(levels.map(([price]) => price));
  const lots = mostDecimals(levels.map(([, qty]) => qty));
  const qtys = unit === "base" ? Math.max(lots, decimalsOf(amount)) : lots;
  return { prices, qtys, costs: Math.max(prices + qtys, unit === "quote" ? decimalsOf(amount) : 0) };
}

function takeQuantity(levels, amount, scale) {
  let left = unitsOf(amount, scale.qtys);
  const used = emptyOrder();
  for (const [price, qty] of levels) {
    if (left === 0n) break;
    const lots = unitsOf(qty, scale.qtys);
    const part = lots < left ? lots : left;
    take(used, price, part, part * costOfLot(price, scale));
    left -= part;
  }
  return { ...used, unfilled: textOf(left, scale.qtys), isFilled: left === 0n };
}

function takeCost(levels, amount, scale) {
  let left = unitsOf(amount, scale.costs);
  const used = emptyOrder();
  let isFilled = false;
  for (const [price, qty] of levels) {
    const each = costOfLot(price, scale);
    const lots = unitsOf(qty, scale.qtys);
    const affordable = left / each;
    isFilled = affordable <= lots;
    const part = isFilled ? affordable : lots;
    if (part > 0n) take(used, price, part, part * each);
    left -= part * each;
    if (isFilled) break;
  }
  return { ...used, unfilled: textOf(left, scale.costs), isFilled };
}

function emptyOrder() {
  return { lots: 0n, cost: 0n, worst: null, levels: 0 };
}

function take(used, price, lots, cost) {
  used.lots += lots;
  used.cost += cost;
  used.worst = price;
  used.levels += 1;
}

/** The cost of one lot at a price, in units of 10**-scale.costs. */
function costOfLot(price, { prices, qtys, costs }) {
  return unitsOf(price, prices) * 10n ** BigInt(costs - prices - qtys);
}

function textsOf({ lots, cost, worst, levels, unfilled, isFilled }, { qtys, costs }) {
  return { filled: textOf(lots, qtys), total: textOf(cost, costs), worst, levels, unfilled, isFilled };
}

function slippageOf({ lots, cost }, { prices, qtys, costs }, side, mid) {
  if (lots === 0n) return { mid, average: null, slippage: null, points: null };
  // The average is numerator / denominator, both whole numbers.
  const numerator = cost * 10n ** BigInt(qtys);
  const denominator = lots * 10n ** BigInt(costs);
  const middleUnits = unitsOf(mid, decimalsOf(mid));
  const one = 10n ** BigInt(decimalsOf(mid));
  const worse = (numerator * one - middleUnits * denominator) * (side === "buy" ? 1n : -1n);
  const decimals = prices + MORE_DECIMALS;
  return {
    mid,
    average: textOf(divide(numerator * 10n ** BigInt(decimals), denominator), decimals),
    slippage: quotient(worse, denominator * one, decimals),
    points: pointsOf(worse, middleUnits * denominator),
  };
}
