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
  element = fromTemplate("row-template");
  #price;
  #qty;
  #flash = null;

  constructor() {
    [this.#price, this.#qty] = this.element.children;
  }

  show(side, [price, qty]) {
    const { dataset } = this.element;
    if (dataset.price === price && dataset.qty === qty) return;
    mark(this.element, "side", side);
    mark(this.element, "price", price);
    mark(this.element, "qty", qty);
    writeDecimal(this.#price, price);
    writeDecimal(this.#qty, qty);
  }

  clear() {
    for (const name of ["side", "price", "qty"]) mark(this.element, name, null);
    writeDecimal(this.#price, "");
    writeDecimal(this.#qty, "");
    this.fill(0);
    this.#flash?.cancel();
  }

  /** Set the width of the bar behind the row, as a share of the row. */
  fill(share) {
    this.element.style.setProperty("--depth", share.toFixed(4));
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
  #rows = [];
  // The painted quantities by price; null before the first paint.
  #painted = null;

  /** `list` is the element that contains the rows, best first; `side` is "bid" or "ask". */
  constructor(list, side) {
    this.#list = list;
    this.#side = side;
  }

  resize(count) {
    if (count === this.#rows.length) return;
    this.#rows = Array.from({ length: count }, () => new Row());
    this.#list.replaceChildren(...this.#rows.map((row) => row.element));
    if (count > ROOM) this.#list.setAttribute("tabindex", "0");
    else this.#list.removeAttribute("tabindex");
  }

  /** Show `levels`, best first, with bars that are full at a cumulative quantity of `full`. */
  paint(levels, full) {
    let cumulative = 0;
    this.#rows.forEach((row, index) => {
      const level = levels[index];
      if (level === undefined) {
        row.clear();
        return;
      }
      cumulative += roughly(level[1]);
      row.show(this.#side, level);
      row.fill(cumulative / full);
      if (this.#isChanged(level)) row.flash();
    });
    this.#painted = new Map(levels);
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
