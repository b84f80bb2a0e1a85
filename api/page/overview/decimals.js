// The order of decimals of different precision, as those of different books are.

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

/** Return the digits before and after the point, without zeros at the end. */
function partsOf(text) {
  const [whole, rest = ""] = text.split(".");
  return { whole, rest: rest.replace(/0+$/, "") };
}
