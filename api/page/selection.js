// The open ladders, which are part of the address: #BTC/USD,ETH/USD

export const MOST_LADDERS = 12;
// The number of ladders if the address names none.
const FIRST_LADDERS = 4;
// The address after every ladder was closed.
const NONE = "none";
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

/** Return the symbols of `books` to show, the unknown names in the address, and the names that
 *  exceed the limit.
 */
export function selected(books) {
  const names = named();
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

/** Open or close the ladder of `symbol`; return false if no more can be opened. */
export function toggle(symbol, open) {
  const isOpen = open.includes(symbol);
  if (!isOpen && open.length >= MOST_LADDERS) return false;
  const symbols = isOpen ? open.filter((other) => other !== symbol) : [...open, symbol];
  const hash = symbols.map(encodeURI).join(",") || NONE;
  history.replaceState(null, "", `#${hash}`);
  return true;
}

/** Return the names in the address without duplicates; null if it has no fragment. */
function named() {
  if (location.hash.length <= 1) return null;
  const names = decoded(location.hash.slice(1)).split(",").map((name) => name.trim());
  return [...new Set(names)].filter((name) => name !== "" && name.toLowerCase() !== NONE);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
