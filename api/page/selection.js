// Which ladders are open, kept in the address: #BTC/USD,ETH/USD

export const MOST_LADDERS = 12;
// An address that names none gets the first ones.
const FIRST_LADDERS = 4;
// An address that names no book: the reader closed every ladder.
const NONE = "none";
// Kraken's names of before, which people still type.
const OLD_NAMES = new Map([["XBT", "BTC"], ["XDG", "DOGE"]]);

/** The form in which two spellings of one symbol are equal: that of kraken_book/symbols.py. */
export function folded(name) {
  const parts = name.trim().replace(/^\/+|\/+$/g, "").replaceAll("-", "/").toUpperCase().split("/");
  return parts.map((part) => OLD_NAMES.get(part) ?? part).join("/");
}

/** The symbols of `books` to show, and the names in the address that are not: those that no book
 *  has, and those that are too many.
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

/** Open or close the ladder of `symbol`; return false if there are too many to open one more. */
export function toggle(symbol, open) {
  const isOpen = open.includes(symbol);
  if (!isOpen && open.length >= MOST_LADDERS) return false;
  const symbols = isOpen ? open.filter((other) => other !== symbol) : [...open, symbol];
  const hash = symbols.map(encodeURI).join(",") || NONE;
  history.replaceState(null, "", `#${hash}`);
  return true;
}

/** The names in the address, each once; null if there is no part for them. */
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
