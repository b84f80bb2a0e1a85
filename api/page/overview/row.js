// A row of the table. Rows are few, and show one book after another while the table scrolls.

import { NOTHING, ageText, fromTemplate, mark, write, writeDecimal } from "../parts/texts.js";
import { clean, venueTitle } from "../parts/words.js";
import { hashOf } from "../routes.js";
import { changeWord, favouriteLabel, openLabel, rateText } from "./words.js";

// The header is row 1.
const FIRST_ROW_INDEX = 2;

export class OverviewRow {
  element = fromTemplate("overview-row-template");
  line = null;
  index = null;
  #parts = new Map();
  #columns = null;
  #drawn = null;

  constructor() {
    for (const part of this.element.querySelectorAll("[data-part]")) this.#parts.set(part.dataset.part, part);
  }

  /** The controls of the row, from left to right. */
  get controls() {
    return [this.#part("favourite"), this.#part("toggle"), this.#part("open")];
  }

  get sparkline() {
    return this.#part("sparkline");
  }

  /** Show a book from now on. */
  bind(line) {
    if (line === this.line) return;
    this.line = line;
    const { symbol, venue } = line.facts;
    mark(this.element, "symbol", symbol);
    write(this.#part("venue"), venueTitle(venue));
    this.#part("favourite").setAttribute("aria-label", favouriteLabel(symbol));
    this.#part("open").setAttribute("aria-label", openLabel(symbol));
    this.#part("open").href = hashOf({ view: "book", name: symbol });
  }

  /** Move the row to its place. */
  place(index) {
    if (index === this.index) return;
    this.index = index;
    this.element.style.setProperty("transform", `translateY(calc(${index} * var(--overview-row)))`);
    this.element.setAttribute("aria-rowindex", index + FIRST_ROW_INDEX);
    mark(this.element, "parity", index % 2);
  }

  /** Show these columns, a set of keys. */
  limit(columns) {
    if (columns === this.#columns) return;
    this.#columns = columns;
    for (const cell of this.element.children) {
      const { column } = cell.dataset;
      cell.hidden = column !== "open" && !columns.has(column);
    }
  }

  paint() {
    const facts = this.line.look();
    mark(this.element, "status", facts.status);
    if (this.element.title !== facts.why) this.element.title = facts.why;
    this.#paintName();
    this.#part("favourite").setAttribute("aria-pressed", facts.isFavourite === 1);
    this.#part("toggle").setAttribute("aria-pressed", this.line.isOpen);
    write(this.#part("status"), clean(facts.status));
    write(this.#part("why"), facts.isExplained ? facts.why : "");
    for (const key of ["bid", "ask", "spread", "points"]) writeDecimal(this.#part(key), facts[key] ?? NOTHING);
    write(this.#part("rate"), facts.rate === null ? NOTHING : rateText(facts.rate));
    write(this.#part("age"), ageText(facts.age));
  }

  /** Draw the mids if the pen or `revision` has changed, which counts the responses of /books. */
  draw(pen, revision) {
    const drawn = `${revision} ${pen.style} ${this.line.facts.symbol}`;
    if (!this.#columns.has("change") || this.#drawn === drawn) return;
    this.#drawn = drawn;
    const { change, status } = this.line.facts;
    this.sparkline.setAttribute("aria-label", `mid: ${changeWord(change)}`);
    pen.draw(this.sparkline, this.line.samples, status === "live" ? Math.sign(change) : 0);
  }

  /** With a column for the venues, the pair stands alone. */
  #paintName() {
    const { symbol, pair } = this.line.facts;
    write(this.#part("prefix"), clean(symbol.slice(0, symbol.length - pair.length)));
    write(this.#part("name"), clean(pair));
    this.#part("prefix").hidden = symbol === pair || this.#columns.has("venue");
    this.#part("toggle").setAttribute("aria-label", clean(symbol));
  }

  #part(name) {
    return this.#parts.get(name);
  }
}
