// The rows of one side of a ladder. Their number is constant, so that the layout does not jump.

import { fromTemplate, mark, writeDecimal } from "../parts/texts.js";

// The number of rows that fit by the style sheet; longer lists scroll, and can get the focus for it.
const ROOM = 25;
// Only the edge flashes, because a fading background would make the row hard to read.
const FLASH = [{ boxShadow: "inset 4px 0 var(--flash)" }, { boxShadow: "inset 4px 0 transparent" }];
const FLASH_MS = 400;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** A row with a level, or an empty row. */
class Row {
  element;
  #price;
  #qty;
  // Only rows of some templates have one.
  #total;
  #flash = null;

  constructor(template) {
    this.element = fromTemplate(template);
    [this.#price, this.#qty, this.#total = null] = this.element.children;
  }

  show(side, [price, qty, total = null, isCut = false]) {
    const { dataset } = this.element;
    mark(this.element, "cut", isCut ? "" : null);
    if (dataset.price === price && dataset.qty === qty && (total === null || dataset.total === total)) return;
    mark(this.element, "side", side);
    mark(this.element, "price", price);
    mark(this.element, "qty", qty);
    mark(this.element, "total", total);
    writeDecimal(this.#price, price);
    writeDecimal(this.#qty, qty);
    if (this.#total !== null) writeDecimal(this.#total, total);
  }

  clear() {
    for (const name of ["side", "price", "qty", "total", "cut"]) mark(this.element, name, null);
    for (const part of this.element.children) writeDecimal(part, "");
    this.fill(0, 0);
    this.#flash?.cancel();
  }

  /** Set the widths of the bars behind the row, as shares of the row: of the cumulative quantity, and
   *  of the level's own. */
  fill(cumulative, own) {
    this.element.style.setProperty("--depth", cumulative.toFixed(4));
    this.element.style.setProperty("--own", own.toFixed(4));
  }

  flash() {
    if (STILL.matches) return;
    this.#flash ??= this.element.animate(FLASH, FLASH_MS);
    this.#flash.currentTime = 0;
    this.#flash.play();
  }
}

export class SideRows {
  #list;
  #side;
  #template;
  #room;
  #rows = [];
  // The painted quantities by price; null before the first paint.
  #painted = null;

  /** `list` is the element that contains the rows, best first; `side` is "bid" or "ask"; `template` is
   *  the id of the row's, and `room` the number of rows that never need to scroll. */
  constructor(list, side, { template = "row-template", room = ROOM } = {}) {
    this.#list = list;
    this.#side = side;
    this.#template = template;
    this.#room = room;
  }

  resize(count) {
    if (count === this.#rows.length) return;
    this.#rows = Array.from({ length: count }, () => new Row(this.#template));
    this.#list.replaceChildren(...this.#rows.map((row) => row.element));
    mark(this.#list, "long", count > ROOM ? "" : null);
    if (count > this.#room) this.#list.setAttribute("tabindex", "0");
    else this.#list.removeAttribute("tabindex");
  }

  /** Let no level of the next `paint` flash, because other levels are shown from then on. */
  settle() {
    this.#painted = null;
  }

  /** Show `levels`, best first, with bars that are full at a cumulative quantity of `full`.
   *
   * A level is `[price, quantity]`, or `[price, quantity, total, isCut]` for rows with a total.
   */
  paint(levels, full) {
    this.#paintRows(levels, full, 0);
    for (const row of this.#rows.slice(levels.length)) row.clear();
    this.#painted = new Map(levels.map(([price, qty]) => [price, qty]));
  }

  /** Return the indexes of the first row in view and of the row after the last one. */
  get view() {
    const { scrollTop, clientHeight, scrollHeight } = this.#list;
    const height = scrollHeight / this.#rows.length;
    // A list whose best row is at the bottom scrolls to negative values.
    const first = Math.floor(Math.abs(scrollTop) / height);
    return [first, Math.ceil((Math.abs(scrollTop) + clientHeight) / height)];
  }

  /** Show the last of `levels`, from `first` on, and leave the other rows as they are. */
  paintSome(levels, full, first) {
    this.#paintRows(levels, full, first);
    for (const [price, qty] of levels.slice(first)) this.#painted?.set(price, qty);
  }

  #paintRows(levels, full, first) {
    let cumulative = 0;
    levels.slice(0, this.#rows.length).forEach((level, index) => {
      const own = roughly(level[1]);
      cumulative += own;
      if (index < first) return;
      const row = this.#rows[index];
      row.show(this.#side, level);
      row.fill(cumulative / full, own / full);
      if (this.#isChanged(level)) row.flash();
    });
  }

  #isChanged([price, qty]) {
    return this.#painted !== null && this.#painted.get(price) !== qty;
  }
}

/** Return the sum of the levels' quantities, only for the width of bars. */
export function roughTotal(levels) {
  return levels.reduce((total, [, qty]) => total + roughly(qty), 0);
}

// A Number cannot hold every quantity exactly. For the width of a bar it is exact enough.
function roughly(qty) {
  return Number(qty);
}
