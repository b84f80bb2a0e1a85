// Exact arithmetic on the decimals of one row, and their order among rows of different precision.

// Decimals of the basis points that are shown.
const POINT_DECIMALS = 2;
const POINTS = 10_000n * 10n ** BigInt(POINT_DECIMALS);

/** Compare two decimals of any precision; return a negative number, 0 or a positive number. */
export function compareDecimals(a, b) {
  const [first, second] = [partsOf(a), partsOf(b)];
  const longer = first.whole.length - second.whole.length;
  return longer || compareTexts(first.whole, second.whole) || compareTexts(first.rest, second.rest);
}

/** Compare two texts by code units; return -1, 0 or 1. */
export function compareTexts(a, b) {
  return a < b ? -1 : Number(a > b);
}

/** Return the spread in basis points of the mid, 20,000 (ask - bid) / (ask + bid), as text.
 *
 * The division is exact and its result is rounded to two decimals, a half upwards. Without both
 * prices, for two zeros, and for an ask below the bid the result is null.
 */
export function basisPoints(bid, ask) {
  if (bid === null || ask === null) return null;
  const [low, high] = sameUnits(bid, ask);
  const total = low + high;
  if (total === 0n || high < low) return null;
  const twice = 4n * (high - low) * POINTS;
  const digits = String((twice + total) / (2n * total)).padStart(POINT_DECIMALS + 1, "0");
  return `${digits.slice(0, -POINT_DECIMALS)}.${digits.slice(-POINT_DECIMALS)}`;
}

/** Return two decimals as whole numbers of the smaller unit of the two. */
function sameUnits(...texts) {
  const parts = texts.map((text) => text.split("."));
  const decimals = Math.max(...parts.map(([, rest = ""]) => rest.length));
  return parts.map(([whole, rest = ""]) => BigInt(whole + rest.padEnd(decimals, "0")));
}

/** Return the digits before and after the point, without zeros at the end. */
function partsOf(text) {
  const [whole, rest = ""] = text.split(".");
  return { whole, rest: rest.replace(/0+$/, "") };
}
