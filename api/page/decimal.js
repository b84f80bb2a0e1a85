// Decimals as Kraken's texts: a Number holds only 2^53 lots exactly, and checksums need the digits.

const DECIMAL = /^(0|[1-9]\d*)(\.\d+)?$/;

export function isDecimal(value) {
  return typeof value === "string" && DECIMAL.test(value);
}

export function isZero(text) {
  return /^0(\.0+)?$/.test(text);
}

/** Compare two decimals of one precision; return a negative number, 0 or a positive number. */
export function compare(a, b) {
  const longer = integerLength(a) - integerLength(b);
  if (longer !== 0) return longer;
  return a < b ? -1 : Number(a > b);
}

/** Return the digits of a decimal for Kraken's checksum: without the point and leading zeros. */
export function checksumDigits(text) {
  return text.replace(".", "").replace(/^0+/, "");
}

/** Return `high` minus `low` exactly; both have one precision, and `low` is not greater. */
export function difference(high, low) {
  const units = String(BigInt(high.replace(".", "")) - BigInt(low.replace(".", "")));
  if (!high.includes(".")) return units;
  const decimals = high.length - integerLength(high) - 1;
  const digits = units.padStart(decimals + 1, "0");
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Split a decimal into its significant part and the zeros that only show the precision. */
export function splitZeros(text) {
  if (!text.includes(".")) return [text, ""];
  const end = text.search(/\.?0*$/);
  return [text.slice(0, end), text.slice(end)];
}

function integerLength(text) {
  const point = text.indexOf(".");
  return point < 0 ? text.length : point;
}
