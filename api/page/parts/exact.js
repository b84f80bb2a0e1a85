// Exact arithmetic on decimals, as whole numbers of the smallest unit: ticks and lots.

/** Return the number of decimals of a decimal. */
export function decimalsOf(text) {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}

/** Return a decimal in units of 10 to the power of -`decimals`; it has at most so many decimals. */
export function unitsOf(text, decimals) {
  return BigInt(text.replace(".", "") + "0".repeat(decimals - decimalsOf(text)));
}

/** Return units, which may be negative, as a decimal with `decimals` decimals. */
export function textOf(units, decimals) {
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, "0");
  if (decimals === 0) return sign + digits;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
