// Spellings of symbols, and the choice of the open ladders by names in the address.

export const MOST_LADDERS = 12;
// The number of ladders if the address names none.
const FIRST_LADDERS = 4;
// Kraken's older names, which are still in use.
const OLD_NAMES = new Map([["XBT", "BTC"], ["XDG", "DOGE"]]);

const KRAKEN = "kraken";
const VENUE = /^([a-z][a-z0-9]{1,19}):(?=.)/is;

/** Return the venue of a symbol: the name before the colon, or Kraken. */
export function venueOf(symbol) {
  return VENUE.exec(symbol)?.[1].toLowerCase() ?? KRAKEN;
}

/** Return the pair of a symbol, without its venue. */
export function pairOf(symbol) {
  return symbol.replace(VENUE, "");
}

/** Return the normal form of the spellings of a symbol, the same as in kraken_book/symbols.py. */
export function folded(name) {
  const bare = name.trim().replace(/^\/+|\/+$/g, "");
  const venue = venueOf(bare);
  const parts = pairOf(bare).replaceAll("-", "/").toUpperCase().split("/");
  if (venue !== KRAKEN) return `${venue}:${parts.join("/")}`;
  return parts.map((part) => OLD_NAMES.get(part) ?? part).join("/");
}

/** Return the symbols of `books` to show for the names in the address, null if it has none; the
 *  unknown names; and the names that exceed the limit.
 */
export function selected(books, names) {
  if (names === null) {
    const served = books.filter((book) => book.status !== "refused").map((book) => book.symbol);
    return { symbols: served.slice(0, FIRST_LADDERS), unknown: [], tooMany: [] };
  }
  const byFolded = new Map(books.map(({ symbol }) => [folded(symbol), symbol]));
  const known = names.map((name) => byFolded.get(folded(name)));
  const symbols = [...new Set(known.filter((symbol) => symbol !== undefined))];
  return {
    symbols: symbols.slice(0, MOST_LADDERS),
    unknown: names.filter((_, index) => known[index] === undefined),
    tooMany: symbols.slice(MOST_LADDERS),
  };
}

/** Return the open symbols after the ladder of `symbol` was opened or closed; null if no more can
 *  be opened.
 */
export function toggled(symbol, open) {
  if (open.includes(symbol)) return open.filter((other) => other !== symbol);
  return open.length < MOST_LADDERS ? [...open, symbol] : null;
}
