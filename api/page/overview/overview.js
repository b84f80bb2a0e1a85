// The table of all books; its buttons open and close ladders.

import { folded, pairOf, venueOf } from "../data/selection.js";
import { NOTHING, ageText, fromTemplate, mark, write, writeDecimal } from "../parts/texts.js";
import { clean, quoted, venueTitle } from "../parts/words.js";

// With more books than this, the table has a search field.
const MANY = 12;

class OverviewRow {
  element = fromTemplate("overview-template");
  #button = this.element.querySelector("button");
  #book = null;
  #isKnown = true;

  constructor(symbol, onToggle) {
    mark(this.element, "symbol", symbol);
    write(this.#part("venue"), venueTitle(venueOf(symbol)));
    this.#button.addEventListener("click", () => onToggle(symbol));
  }

  /** Set the book of the row. Its `summary` is the ladder's if `isOpen`, otherwise that of /books.
   *  The caller paints the row, in the same frame as the ladder. */
  take(book, isOpen, isKnown, hasVenues) {
    this.#book = book;
    // With a column for the venues, the button has the pair alone.
    write(this.#button, clean(hasVenues ? pairOf(book.symbol) : book.symbol));
    if (hasVenues) this.#button.setAttribute("aria-label", clean(book.symbol));
    else this.#button.removeAttribute("aria-label");
    this.#part("venue").hidden = !hasVenues;
    // The stream of a ladder goes on while /books fails.
    this.#isKnown = isOpen || isKnown;
    this.#button.setAttribute("aria-pressed", isOpen);
  }

  paint() {
    const { status, why, bid, ask, spread, age } = this.#book.summary;
    const shown = this.#isKnown ? status : "unknown";
    mark(this.element, "status", shown);
    this.element.title = this.#isKnown ? why : "";
    write(this.#part("status"), clean(shown));
    write(this.#part("why"), this.#isKnown && !["live", "stale", "syncing"].includes(status) ? why : "");
    writeDecimal(this.#part("bid"), bid ?? NOTHING);
    writeDecimal(this.#part("ask"), ask ?? NOTHING);
    writeDecimal(this.#part("spread"), spread ?? NOTHING);
    write(this.#part("age"), ageText(age));
  }

  /** Show the row only if its symbol contains `text`, and its venue is `venue` unless that is empty;
   *  return whether it does. */
  filter(text, venue) {
    const { symbol } = this.#book;
    const matches = symbol.toLowerCase().includes(text.toLowerCase()) || folded(symbol).includes(folded(text));
    const isShown = matches && (venue === "" || venueOf(symbol) === venue);
    this.element.hidden = !isShown;
    return isShown;
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

export class Overview {
  #element;
  #body;
  #search;
  #venue;
  #venues = [];
  #onToggle;
  #rows = new Map();

  /** `onToggle` is called with the symbol of a pressed button. */
  constructor(element, onToggle) {
    this.#element = element;
    this.#body = element.querySelector("tbody");
    this.#search = element.querySelector("input");
    this.#venue = element.querySelector("select");
    this.#onToggle = onToggle;
    this.#search.addEventListener("input", () => this.#filter());
    this.#venue.addEventListener("change", () => this.#filter());
  }

  /** Make a row for each of `books`; `paint` shows them. Books in `followed` (symbol →
   *  FollowedBook) are shown like their ladders; the others as in /books, if `isKnown`.
   */
  take(books, followed, isKnown) {
    this.#keepOnly(new Set(books.map((book) => book.symbol)));
    this.#takeVenues([...new Set(books.map((book) => venueOf(book.symbol)))].sort());
    const hasVenues = this.#venues.length > 1;
    books.forEach((book, index) => {
      const open = followed.get(book.symbol);
      this.#rowAt(index, book.symbol).take(open ?? book, open !== undefined, isKnown, hasVenues);
    });
    this.#element.querySelector("thead .venue").hidden = !hasVenues;
    this.#venue.parentElement.hidden = !hasVenues;
    this.#search.parentElement.hidden = books.length <= MANY;
    this.#element.querySelector(".search").hidden = books.length <= MANY && !hasVenues;
    this.#filter();
  }

  paint() {
    for (const row of this.#rows.values()) row.paint();
  }

  /** Return the row of a symbol, undefined if there is none. */
  row(symbol) {
    return this.#rows.get(symbol);
  }

  /** Offer these venues; the chosen one stays if it is among them. */
  #takeVenues(venues) {
    if (venues.join() === this.#venues.join()) return;
    this.#venues = venues;
    const chosen = venues.includes(this.#venue.value) ? this.#venue.value : "";
    const [all] = this.#venue.options;
    this.#venue.replaceChildren(all, ...venues.map((venue) => new Option(venueTitle(venue), venue)));
    this.#venue.value = chosen;
  }

  #keepOnly(symbols) {
    for (const [symbol, row] of this.#rows) {
      if (symbols.has(symbol)) continue;
      row.element.remove();
      this.#rows.delete(symbol);
    }
  }

  #rowAt(index, symbol) {
    let row = this.#rows.get(symbol);
    if (row === undefined) {
      row = new OverviewRow(symbol, this.#onToggle);
      this.#rows.set(symbol, row);
    }
    // Move only rows at a wrong place, because a moved button loses the focus.
    const there = this.#body.children[index] ?? null;
    if (there !== row.element) this.#body.insertBefore(row.element, there);
    return row;
  }

  #filter() {
    const text = this.#search.value.trim();
    const venue = this.#venues.length > 1 ? this.#venue.value : "";
    const hits = [...this.#rows.values()].filter((row) => row.filter(text, venue));
    const isMissed = this.#rows.size > 0 && hits.length === 0;
    const place = venue === "" ? "" : ` of ${venueTitle(venue)}`;
    write(this.#element.querySelector(".no-hit"), isMissed ? `No book${place} matches ${quoted(text)}.` : "");
    this.#element.querySelector("table").hidden = this.#rows.size === 0 || isMissed;
  }
}
