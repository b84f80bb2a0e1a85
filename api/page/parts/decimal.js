// Texts of decimals for people.

/** Split a decimal into its significant part and the zeros that only show the precision. */
export function splitZeros(text) {
  if (!text.includes(".")) return [text, ""];
  const end = text.search(/\.?0*$/);
  return [text.slice(0, end), text.slice(end)];
}
