// Exact arithmetic on decimals, as whole numbers of the smallest unit: ticks and lots. Only quotients
// are rounded: half to even, to the decimals that the caller asks for.

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
