// The texts of the table.

import { countText } from "../parts/texts.js";
import { clean, quoted, venueTitle } from "../parts/words.js";

/** The title of each column, and what it needs to be explained. */
export const COLUMN_TITLES = Object.freeze({
  isFavourite: ["★", "Favourite"],
  pair: ["Symbol", "A click opens or closes the ladder"],
  venue: ["Venue", ""],
  status: ["Status", ""],
  bid: ["Best bid", ""],
  ask: ["Best ask", ""],
  spread: ["Spread", "Best ask minus best bid, exact"],
  points: ["bps", "The spread in basis points of the mid, rounded to 0.01, a half upwards"],
  rate: ["Updates/s", "The average of the last 10 s"],
  age: ["Age", "The time since the venue last confirmed the book"],
  change: ["Mid, 5 min", "The mid of the last five minutes, while the book was live. Sorted by its change."],
  open: ["", ""],
});

export const STATUS_CHOICES = Object.freeze({
  "": "any status",
  live: "live",
  "not live": "not live",
  stale: "stale",
  syncing: "syncing",
  asked: "asked",
  refused: "refused",
});

const ROWS = "the next, the previous row of the table; the titles are above the first one";
const PAGES = "a page of rows";
const ENDS = "the first, the last row";
const CONTROLS = "within a row: favourite, ladder, book; within the titles: the columns";

/** The keys of the table, and what each does. */
export const KEYS = Object.freeze({
  "/": "find a book",
  f: "mark the book of the row as a favourite, or remove the mark",
  o: "open the book of the row",
  ArrowDown: ROWS,
  ArrowUp: ROWS,
  PageDown: PAGES,
  PageUp: PAGES,
  Home: ENDS,
  End: ENDS,
  ArrowRight: CONTROLS,
  ArrowLeft: CONTROLS,
});

export function favouriteLabel(symbol) {
  return `Favourite ${clean(symbol)}`;
}

export function openLabel(symbol) {
  return `Open the book of ${clean(symbol)}`;
}

/** Return what the sparkline shows, for screen readers. */
export function changeWord(change) {
  if (change === null) return "not known yet";
  if (change === 0) return "unchanged";
  return change > 0 ? "risen" : "fallen";
}

/** Return the number of shown books, and of all books if it differs. */
export function countsText(shown, all) {
  const books = all === 1 ? "book" : "books";
  return shown === all ? `${countText(all)} ${books}` : `${countText(shown)} of ${countText(all)} ${books}`;
}

/** Return why no book is shown. */
export function missText({ text, venue, status, hasOnlyFavourites }) {
  const place = venue === "" ? "" : ` of ${venueTitle(venue)}`;
  const favourite = hasOnlyFavourites ? "favourite " : "";
  const state = status === "" ? "" : ` that is ${clean(status)}`;
  const searched = text.trim() === "" ? "" : ` matches ${quoted(text.trim())}`;
  if (searched === "") return `There is no ${favourite}book${place}${state}.`;
  return `No ${favourite}book${place}${state}${searched}.`;
}

export function tooManyText(most, symbol) {
  return `At most ${most} books can be favourites. Remove one to mark ${quoted(symbol)}.`;
}

/** Return updates per second, with a tenth below 100. */
export function rateText(rate) {
  return rate.toFixed(rate < 100 ? 1 : 0);
}
