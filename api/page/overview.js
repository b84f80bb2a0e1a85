// The table of all books, as /books tells them; its buttons open and close ladders.

import { NOTHING, ageText, fromTemplate, mark, write, writeDecimal } from "./texts.js";

// From so many books on it is worth typing to find one.
const MANY = 12;

class OverviewRow {
  element = fromTemplate("overview-template");
  #button = this.element.querySelector("button");
  #book = null;

  constructor(symbol, onToggle) {
    mark(this.element, "symbol", symbol);
    write(this.#button, symbol);
    this.#button.addEventListener("click", () => onToggle(symbol));
  }

  show(book, isOpen) {
    this.#book = book;
    mark(this.element, "status", book.status);
    this.element.title = book.reason ?? "";
    this.#button.setAttribute("aria-pressed", isOpen);
    write(this.#part("status"), book.status);
    writeDecimal(this.#part("bid"), book.best_bid?.price ?? NOTHING);
    writeDecimal(this.#part("ask"), book.best_ask?.price ?? NOTHING);
    writeDecimal(this.#part("spread"), book.spread ?? NOTHING);
    this.paintAge();
  }

  paintAge() {
    write(this.#part("age"), ageText(this.#book.ageNow));
  }

  filter(text) {
    this.element.hidden = !this.#book.symbol.toLowerCase().includes(text);
  }

  #part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }
}

export class Overview {
  #element;
  #body;
  #search;
  #onToggle;
  #rows = new Map();

  /** `onToggle` gets the symbol whose button was pressed. */
  constructor(element, onToggle) {
    this.#element = element;
    this.#body = element.querySelector("tbody");
    this.#search = element.querySelector("input");
    this.#onToggle = onToggle;
    this.#search.addEventListener("input", () => this.#filter());
  }

  show(books, openSymbols) {
    this.#keepOnly(new Set(books.map((book) => book.symbol)));
    books.forEach((book, index) => this.#rowAt(index, book.symbol).show(book, openSymbols.has(book.symbol)));
    this.#element.querySelector(".search").hidden = books.length <= MANY;
    this.#element.querySelector(".none").hidden = books.length > 0;
    this.#filter();
  }

  /** Whether what the rows say is still known. */
  setKnown(known) {
    mark(this.#element, "unknown", known ? null : "");
  }

  paint() {
    for (const row of this.#rows.values()) row.paintAge();
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
    // Only rows out of place are moved: moving one takes the focus from its button.
    const there = this.#body.children[index] ?? null;
    if (there !== row.element) this.#body.insertBefore(row.element, there);
    return row;
  }

  #filter() {
    const text = this.#search.value.trim().toLowerCase();
    for (const row of this.#rows.values()) row.filter(text);
  }
}
