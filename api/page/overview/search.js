// Find books by any spelling of their symbols.

import { folded } from "../data/selection.js";

// Kraken's older names, also within a word without a separator, such as XBTUSD.
const OLD_NAMES = [["XBT", "BTC"], ["XDG", "DOGE"]];

/** Return a function from a symbol to whether each word of `text` is a part of one of its spellings. */
export function searchOf(text) {
  const words = text.trim().split(/\s+/).filter(Boolean).map((word) => ({
    lower: word.toLowerCase(),
    folded: folded(word),
    bare: bareOf(word),
  }));
  return (symbol) => {
    if (words.length === 0) return true;
    const spellings = spellingsOf(symbol);
    return words.every((word) => isPart(word, spellings));
  };
}

function isPart(word, spellings) {
  if (spellings.lower.includes(word.lower) || spellings.folded.includes(word.folded)) return true;
  return word.bare !== "" && spellings.bare.includes(word.bare);
}

const spellings = new Map();
// More symbols than a page has; a bound, because symbols come and go while the page is open.
const MOST = 10_000;

/** Return the spellings of a symbol, computed once. */
function spellingsOf(symbol) {
  let found = spellings.get(symbol);
  if (found === undefined) {
    if (spellings.size >= MOST) spellings.clear();
    found = { lower: symbol.toLowerCase(), folded: folded(symbol), bare: bareOf(symbol) };
    spellings.set(symbol, found);
  }
  return found;
}

/** Return a name without separators, with Kraken's present names: BTCUSD of xbt-usd. */
function bareOf(name) {
  const letters = name.toUpperCase().replace(/[^\p{L}\p{N}]/gu, "");
  return OLD_NAMES.reduce((text, [old, present]) => text.replaceAll(old, present), letters);
}
