// Which ladders are open, kept in the address: #BTC/USD,ETH/USD

// Browsers open about six HTTP/1.1 connections to a host: four streams leave room for /books.
const MOST = 4;
// An address that names no book: the reader closed every ladder.
const NONE = "none";

/** The symbols to show of `books`: those that the address names, or else the first ones. */
export function selected(books) {
  const names = named();
  const symbols =
    names === null
      ? books.filter((book) => book.status !== "refused").map((book) => book.symbol)
      : names.filter((name) => books.some((book) => book.symbol === name));
  return symbols.slice(0, MOST);
}

/** Open or close the ladder of `symbol`; one too many takes the last one's place. */
export function toggle(symbol, open) {
  const symbols = open.includes(symbol)
    ? open.filter((other) => other !== symbol)
    : [...open.slice(0, MOST - 1), symbol];
  const hash = symbols.map(encodeURI).join(",") || NONE;
  history.replaceState(null, "", `#${hash}`);
}

function named() {
  if (location.hash.length <= 1) return null;
  try {
    return [...new Set(decodeURIComponent(location.hash.slice(1)).split(","))];
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}
