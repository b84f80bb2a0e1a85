// The table of all books: search, filters and order; its buttons open and close ladders.

import { venueOf } from "../data/selection.js";
import { fromTemplate, write } from "../parts/texts.js";
import { TableBody } from "./body.js";
import { Choice } from "./choice.js";
import { COLUMNS, LINK_WIDTH, MEDIUM, NARROW, WIDE, sortAfterClick } from "./columns.js";
import { Favourites, MOST_FAVOURITES } from "./favourites.js";
import { Filters } from "./filters.js";
import { TableHead } from "./head.js";
import { TableKeys } from "./keys.js";
import { BookLine } from "./lines.js";
import { SparklinePen } from "./sparkline.js";
import { arranged } from "./table_order.js";
import { missText, tooManyText } from "./words.js";

// The style sheet has the same limits.
const IS_MEDIUM = matchMedia("(min-width: 40.01rem)");
const IS_WIDE = matchMedia("(min-width: 64rem)");
// Longer texts are cut in their column; their whole text is in the ladder.
const MOST_CHARS = 24;

export class Overview {
  element = fromTemplate("overview-template");
  #table;
  #scroller;
  #history;
  #painter;
  #order;
  #onToggle;
  #choice = new Choice();
  #favourites = new Favourites();
  #filters;
  #head;
  #body;
  #lines = new Map();
  #columns = new Set();
  // Counts what sparklines depend on, so that they are drawn only if it has changed.
  #revision = 0;
  #refused = null;
  #keys;
  #closing = new AbortController();
  #sizes = new ResizeObserver(() => this.#painter.soon(this));
  #isScrolled = false;

  /** `history` is the PollHistory of the books, `painter` paints this view, `keys` is the Keys of the
   *  page, `order` its TableOrder, and `onToggle` is called with the symbol of a pressed button. */
  constructor({ history, painter, keys, order, onToggle }) {
    const { element } = this;
    this.#history = history;
    this.#painter = painter;
    this.#order = order;
    this.#onToggle = onToggle;
    this.#table = element.querySelector("table");
    this.#scroller = element.querySelector(".scroll");
    this.#filters = new Filters(element.querySelector(".filters"), this.#choice, () => this.#arrangeFromTop());
    this.#head = new TableHead(this.#table.tHead.rows[0], (key) => this.#sortBy(key));
    this.#body = new TableBody(this.#scroller, this.#table.tBodies[0]);
    const parts = { head: this.#head, body: this.#body, search: this.#filters.search, keys };
    this.#keys = new TableKeys(this.#table, parts);
    this.#listen();
  }

  /** Make a line for each of `books`. Books in `followed` (symbol → FollowedBook) are shown like
   *  their ladders; the others as in /books, if `isKnown`. */
  take(books, followed, isKnown) {
    const lines = new Map();
    for (const book of books) {
      const { symbol } = book;
      const line = this.#lines.get(symbol) ?? new BookLine(symbol, this.#history, this.#favourites);
      line.take(book, followed.get(symbol), isKnown);
      lines.set(symbol, line);
    }
    this.#lines = lines;
    this.#filters.takeVenues([...new Set(books.map(({ symbol }) => venueOf(symbol)))].sort());
    this.#revision += 1;
    this.#arrange();
  }

  paint() {
    this.#body.render();
    const { rows } = this.#body;
    for (const row of rows) row.paint();
    if (rows.length === 0 || !this.#columns.has("change")) return;
    const pen = new SparklinePen(rows[0].sparkline);
    for (const row of rows) row.draw(pen, this.#revision);
  }

  /** Another view opens. */
  close() {
    this.#choice.change({ top: this.#scroller.scrollTop });
    this.#keys.close();
    this.#closing.abort();
    this.#sizes.disconnect();
    this.element.remove();
  }

  /** Return the visible row of a symbol, undefined if there is none. */
  row(symbol) {
    return this.#body.row(symbol);
  }

  #listen() {
    this.#scroller.addEventListener("scroll", () => this.#painter.soon(this), { passive: true });
    this.#sizes.observe(this.#scroller);
    this.#table.tBodies[0].addEventListener("click", ({ target }) => this.#onClick(target));
    const { signal } = this.#closing;
    for (const limit of [IS_MEDIUM, IS_WIDE]) limit.addEventListener("change", () => this.#arrange(), { signal });
    window.addEventListener("storage", () => this.#reload(), { signal });
  }

  #onClick(target) {
    const { row, control } = this.#body.placeOf(target);
    if (row === undefined) return;
    const { symbol } = row.line.facts;
    if (control === 1) this.#onToggle(symbol);
    if (control === 0) {
      this.#refused = this.#favourites.toggle(symbol) ? null : symbol;
      this.#arrange();
    }
  }

  #sortBy(key) {
    this.#choice.change({ sort: sortAfterClick(this.#choice.sort, key) });
    this.#arrangeFromTop();
  }

  #arrangeFromTop() {
    this.#body.scrollToTop();
    this.#arrange();
  }

  /** Read the favourites that another window has changed. */
  #reload() {
    this.#favourites.reload();
    this.#arrange();
  }

  /** Choose and order the lines, and show them at the next frame. */
  #arrange() {
    const all = [...this.#lines.values()];
    const lines = arranged(all, this.#choice);
    this.#order.note([...this.#lines.keys()], lines);
    this.#showColumns(all);
    this.#body.show(lines, this.#columns);
    this.#table.setAttribute("aria-rowcount", lines.length + 1);
    this.#table.hidden = lines.length === 0;
    this.#filters.show({ all: all.length, shown: lines.length, favourites: this.#favourites.count });
    this.#explain(all.length > 0 && lines.length === 0);
    this.#painter.soon(this);
    if (lines.length > 0) this.#scrollBack();
  }

  /** Say why no book is in the table, and why the last one could not be marked. */
  #explain(isMissed) {
    const refused = this.#refused === null ? "" : tooManyText(MOST_FAVOURITES, this.#refused);
    write(this.element.querySelector(".no-hit"), isMissed ? missText(this.#choice) : "");
    write(this.element.querySelector(".refused"), refused);
  }

  /** Return to the place at which the table was left. */
  #scrollBack() {
    if (this.#isScrolled) return;
    this.#isScrolled = true;
    this.#scroller.scrollTop = this.#choice.top;
    // A reload begins at the top again.
    this.#choice.change({ top: 0 });
  }

  #showColumns(lines) {
    const screen = this.#choice.hasAllColumns ? WIDE : screenNow();
    const isVisible = (column) =>
      column.screen <= screen && (column.key !== "venue" || this.#filters.hasVenues);
    const visible = COLUMNS.filter(isVisible);
    const keys = visible.map(({ key }) => key);
    // The same set as long as nothing changes, because rows compare it.
    if (keys.join() !== [...this.#columns].join()) this.#columns = new Set(keys);
    this.#head.show(this.#columns, this.#choice.sort);
    // On a narrow screen the venue stands above its pair.
    const name = this.#columns.has("venue") || screenNow() === NARROW ? "pair" : "symbol";
    this.#setStyle("--columns", [...visible.map(({ width }) => width), LINK_WIDTH].join(" "));
    this.#setStyle("--pair-chars", longest(lines, name));
    this.#setStyle("--price-chars", Math.max(longest(lines, "bid"), longest(lines, "ask")));
    this.#setStyle("--spread-chars", longest(lines, "spread"));
  }

  /** Set a property of the table only if it differs, because the browser styles all rows anew. */
  #setStyle(name, value) {
    const { style } = this.#table;
    if (style.getPropertyValue(name) !== String(value)) style.setProperty(name, value);
  }
}

function screenNow() {
  if (IS_WIDE.matches) return WIDE;
  return IS_MEDIUM.matches ? MEDIUM : NARROW;
}

/** Return the length of the longest text of a member, for the width of its column. */
function longest(lines, key) {
  let length = 1;
  for (const { facts } of lines) length = Math.max(length, facts[key]?.length ?? 0);
  return Math.min(length, MOST_CHARS);
}
