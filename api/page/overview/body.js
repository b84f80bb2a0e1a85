// The rows of the table that are in view, and the one with the focus. The others do not exist.

import { OverviewRow } from "./row.js";
import { rowsInView, scrolledTo } from "./viewport.js";

export class TableBody {
  #scroller;
  #body;
  #lines = [];
  #indexes = new Map();
  #rows = new Map();
  #spare = [];
  #columns = new Set();
  // The symbol and the control of the row that Tab reaches.
  #stop = { symbol: null, control: 1 };

  /** `scroller` is the element that scrolls `body`. */
  constructor(scroller, body) {
    this.#scroller = scroller;
    this.#body = body;
    body.addEventListener("focusin", ({ target }) => this.#onFocus(target));
  }

  /** The rendered rows, from top to bottom. */
  get rows() {
    return [...this.#rows.values()].sort((a, b) => a.index - b.index);
  }

  get count() {
    return this.#lines.length;
  }

  /** Return the rendered row of a symbol, or undefined. */
  row(symbol) {
    return this.#rows.get(symbol);
  }

  /** Return the row that contains an element, and the index of its control there; undefined and -1
   *  if there is none. */
  placeOf(element) {
    const row = this.row(element.closest("tr")?.dataset.symbol);
    return { row, control: row?.controls.indexOf(element.closest("button, a")) ?? -1 };
  }

  /** Set the lines in their order, and the set of the visible columns; `render` shows them. */
  show(lines, columns) {
    this.#lines = lines;
    this.#columns = columns;
    this.#indexes = new Map(lines.map((line, index) => [line.facts.symbol, index]));
    this.#body.style.setProperty("height", `calc(${lines.length} * var(--overview-row))`);
  }

  /** Render the rows in view. */
  render() {
    const { first, end } = rowsInView({ top: this.#scroller.scrollTop, ...this.#sizes });
    const focused = this.#focusedRow();
    const at = this.#indexes.get(focused?.line.facts.symbol);
    const { control } = focused === undefined ? {} : this.placeOf(document.activeElement);
    const place = focused?.index;
    const wanted = this.#lines.slice(first, end);
    // Removing the row with the focus would lose it.
    if (at < first) wanted.unshift(this.#lines[at]);
    if (at >= end) wanted.push(this.#lines[at]);
    this.#release(new Set(wanted));
    for (const line of wanted) this.#take(line);
    this.#order(wanted);
    this.#moveStop(first);
    if (focused !== undefined && at === undefined) this.focus(Math.min(place, this.count - 1), control);
  }

  /** Scroll a row into view, render it, and focus one of its controls. */
  focus(index, control) {
    const line = this.#lines[index];
    if (line === undefined) return;
    const sizes = { top: this.#scroller.scrollTop, ...this.#sizes };
    this.#scroller.scrollTop = scrolledTo(index, sizes);
    this.render();
    this.row(line.facts.symbol).controls[control].focus({ preventScroll: true });
  }

  scrollToTop() {
    this.#scroller.scrollTop = 0;
  }

  /** The number of rows that are visible at once. */
  get pageRows() {
    const { height, rowHeight } = this.#sizes;
    return Math.max(1, Math.floor(height / rowHeight) - 1);
  }

  get #sizes() {
    const { count } = this;
    const head = this.#body.offsetTop;
    return { height: this.#scroller.clientHeight - head, rowHeight: this.#body.offsetHeight / count, count };
  }

  #focusedRow() {
    const focused = document.activeElement;
    return this.#body.contains(focused) ? this.placeOf(focused).row : undefined;
  }

  /** Keep the rows of these lines, and use the others again. */
  #release(lines) {
    for (const [symbol, row] of this.#rows) {
      if (lines.has(row.line)) continue;
      this.#rows.delete(symbol);
      this.#spare.push(row);
    }
  }

  #take(line) {
    const { symbol } = line.facts;
    const row = this.#rows.get(symbol) ?? this.#spare.pop() ?? new OverviewRow();
    this.#rows.set(symbol, row);
    row.bind(line);
    row.place(this.#indexes.get(symbol));
    row.limit(this.#columns);
  }

  /** Put the elements into the order of the lines, for screen readers, without moving the focus. */
  #order(lines) {
    for (const row of this.#spare) row.element.remove();
    // More rows than fit were needed for an earlier size of the window.
    this.#spare.length = Math.min(this.#spare.length, lines.length);
    let next = null;
    for (const line of lines.toReversed()) {
      const { element } = this.#rows.get(line.facts.symbol);
      const isInPlace = element.parentNode === this.#body && element.nextElementSibling === next;
      if (!isInPlace && !element.contains(document.activeElement)) this.#body.insertBefore(element, next);
      next = element;
    }
  }

  #onFocus(element) {
    const { row, control } = this.placeOf(element);
    if (row === undefined || control < 0) return;
    this.#stop = { symbol: row.line.facts.symbol, control };
    this.#moveStop();
  }

  /** Let Tab reach one control: the last one with the focus, or that of the first row in view. */
  #moveStop(first = 0) {
    const stop = this.row(this.#stop.symbol) ?? this.rows.find(({ index }) => index >= first);
    for (const row of this.#rows.values()) {
      row.controls.forEach((control, index) => {
        const tabIndex = row === stop && index === this.#stop.control ? 0 : -1;
        if (control.tabIndex !== tabIndex) control.tabIndex = tabIndex;
      });
    }
  }
}
