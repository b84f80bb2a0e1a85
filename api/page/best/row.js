// The row of one venue in the table of best prices.

import { isDecimal } from "../kraken-book.js";
import { splitZeros } from "../parts/decimal.js";
import { NOTHING, ageText, fromTemplate, mark, write } from "../parts/texts.js";
import { clean, statusText, venueTitle } from "../parts/words.js";

const SIDES = ["bid", "ask"];

export class VenueRow {
  element = fromTemplate("best-row-template");

  /** Show the book of a venue in an answer of `/best`.
   *
   * `best` has the best prices of all venues, `waited` is the time since the request, and `decimals`
   * is that of `decimalsOf`. Unless `isKnown`, no book is live.
   */
  paint(book, { best, waited, isKnown, decimals }) {
    const isLive = isKnown && book.status === "live";
    const status = isKnown || book.status !== "live" ? book.status : "unknown";
    const bestSides = SIDES.filter((side) => best[side]?.symbol === book.symbol);
    mark(this.element, "venue", book.venue);
    mark(this.element, "status", status);
    mark(this.element, "best", bestSides.join(" ") || null);
    write(this.#part("venue"), venueTitle(book.venue));
    for (const side of SIDES) {
      const level = book[`best_${side}`];
      write(this.#part(`${side}-mark`), bestSides.includes(side) ? "best" : "");
      writeAligned(this.#part(side), level?.price, decimals[side]);
      writeAligned(this.#part(`${side}-qty`), level?.qty, decimals[`${side}-qty`]);
    }
    writeAligned(this.#part("spread"), book.spread, decimals.spread);
    write(this.#part("age"), ageText(book.age_ms === null ? null : book.age_ms + waited));
    write(this.#part("proof"), clean(book.proof ?? NOTHING));
    write(this.#part("status"), clean(isLive ? status : `${status}, left out`));
    this.element.title = isLive || status === "unknown" ? "" : statusText(status, book.reason, book.venue);
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

/** Return the most decimals in each column, so that the digits of all rows are aligned. */
export function decimalsOf(books) {
  const most = (texts) => Math.max(0, ...texts.map(decimalsIn));
  const columns = { spread: most(books.map(({ spread }) => spread)) };
  for (const side of SIDES) {
    const levels = books.map((book) => book[`best_${side}`]);
    columns[side] = most(levels.map((level) => level?.price));
    columns[`${side}-qty`] = most(levels.map((level) => level?.qty));
  }
  return columns;
}

/** Return the number of characters from the point on. */
function decimalsIn(text) {
  return isDecimal(text) && text.includes(".") ? text.length - text.indexOf(".") : 0;
}

/** Write a decimal, and spaces in place of the decimals that other rows have. */
function writeAligned(element, text, most) {
  const [digits, zeros] = isDecimal(text) ? splitZeros(text) : [clean(text ?? NOTHING), ""];
  write(element.firstElementChild, digits);
  write(element.lastElementChild, zeros + " ".repeat(most - decimalsIn(text)));
}
