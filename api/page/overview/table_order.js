// The order of the books in the table, which the keys of the view of one book follow.

import { atOneMoment } from "../data/clock.js";
import { Choice } from "./choice.js";
import { sorted } from "./columns.js";
import { Favourites } from "./favourites.js";
import { BookLine } from "./lines.js";

/** Return those of `lines` (BookLine) that match a Choice, in its order, after they looked again. */
export function arranged(lines, choice) {
  atOneMoment(() => lines.forEach((line) => line.look()));
  return sorted(choice.filtered(lines), choice.sort);
}

export class TableOrder {
  // The symbols of all books, and those of the rows, as the table was last shown.
  #all = [];
  #shown = [];

  /** Note that the table has the rows `lines`, of the books `all`, which are symbols. */
  note(all, lines) {
    this.#all = all;
    this.#shown = lines.map(({ facts }) => facts.symbol);
  }

  /** Return the symbols of the rows as the table was last shown, or as it would show `books` (Books)
   *  if they are others. So they do not move while one goes from book to book. */
  symbols(books) {
    const all = books.list.map(({ symbol }) => symbol);
    if (all.length !== this.#all.length || all.some((symbol, index) => symbol !== this.#all[index])) {
      this.note(all, arranged(linesOf(books), new Choice()));
    }
    return this.#shown;
  }
}

function linesOf({ list, followed, history, isKnown }) {
  const favourites = new Favourites();
  return list.map((book) => {
    const line = new BookLine(book.symbol, history, favourites);
    line.take(book, followed.get(book.symbol), isKnown);
    return line;
  });
}
