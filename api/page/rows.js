// The rows of one side of a ladder: always the same number of them, so that nothing jumps.

import { fromTemplate, mark, writeDecimal } from "./texts.js";

// As many rows as the style sheet gives room to; more of them scroll, by keyboard too.
const ROOM = 25;
// A mark at the edge: a coloured row would be hard to read while it fades.
const FLASH = [{ boxShadow: "inset 4px 0 var(--flash)" }, { boxShadow: "inset 4px 0 transparent" }];
const FLASH_MS = 400;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** One row, which shows a level or nothing. */
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

  /** Let the bar behind the row take this share of its width. */
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
  // The quantities painted last, by price; null before the first.
  #painted = null;

  /** `list` is the element for the rows, best first; `side` is "bid" or "ask". */
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

/** The sum of the levels' quantities, for the width of bars alone. */
export function roughTotal(levels) {
  return levels.reduce((total, [, qty]) => total + roughly(qty), 0);
}

// Quantities can pass what a Number holds exactly, and none is ever computed with one, except for
// how wide a bar is: there a part in 2^53 is less than a pixel.
function roughly(qty) {
  return Number(qty);
}
