// Decimals as Kraken's texts. Never a Number: quantities pass 2^53 lots, and a checksum is of digits.

const DECIMAL = /^(0|[1-9]\d*)(\.\d+)?$/;

export function isDecimal(value) {
  return typeof value === "string" && DECIMAL.test(value);
}

export function isZero(text) {
  return /^0(\.0+)?$/.test(text);
}

/** Negative, 0 or positive as `a` is less than, equal to or greater than `b`, of one precision. */
export function compare(a, b) {
  const longer = integerLength(a) - integerLength(b);
  if (longer !== 0) return longer;
  return a < b ? -1 : Number(a > b);
}

/** What a decimal adds to Kraken's checksummed text: no point, no leading zeros. */
export function checksumDigits(text) {
  return text.replace(".", "").replace(/^0+/, "");
}

/** `high` less `low`, which is not more, exactly; both of one precision. */
export function difference(high, low) {
  const units = String(BigInt(high.replace(".", "")) - BigInt(low.replace(".", "")));
  if (!high.includes(".")) return units;
  const decimals = high.length - integerLength(high) - 1;
  const digits = units.padStart(decimals + 1, "0");
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The text in two: what says something, and the zeros that only show the precision. */
export function splitZeros(text) {
  if (!text.includes(".")) return [text, ""];
  const end = text.search(/\.?0*$/);
  return [text.slice(0, end), text.slice(end)];
}

function integerLength(text) {
  const point = text.indexOf(".");
  return point < 0 ? text.length : point;
}
