// The header of the table: one button per column sorts by it.

import { COLUMNS } from "./columns.js";
import { COLUMN_TITLES } from "./words.js";

export class TableHead {
  #row;
  #cells = new Map();

  /** `row` is the header's row; `onSort` is called with the key of the column of a pressed button. */
  constructor(row, onSort) {
    this.#row = row;
    for (const { key } of COLUMNS) this.#add(key, onSort);
    row.append(headerCell(COLUMNS.length, "open"));
    row.addEventListener("focusin", ({ target }) => this.#moveStop(target));
    this.#moveStop(this.#buttons[1]);
  }

  /** Show these columns, a set of keys, and the order of the rows. */
  show(columns, sort) {
    for (const [key, cell] of this.#cells) {
      cell.hidden = !columns.has(key);
      if (key === sort.key) cell.setAttribute("aria-sort", sort.direction);
      else cell.removeAttribute("aria-sort");
    }
    const stop = this.#buttons.find((button) => button.tabIndex === 0);
    if (stop === undefined) this.#moveStop(this.#buttons[0]);
  }

  /** Move the focus by `step` visible buttons. */
  move(step) {
    const buttons = this.#buttons;
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
  }

  /** Focus the button that Tab reaches. */
  focus() {
    this.#buttons.find((button) => button.tabIndex === 0)?.focus();
  }

  get #buttons() {
    return [...this.#cells.values()].filter((cell) => !cell.hidden).map((cell) => cell.firstElementChild);
  }

  #add(key, onSort) {
    const [title, hint] = COLUMN_TITLES[key];
    const cell = headerCell(this.#cells.size, key);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    if (hint !== "") button.title = hint;
    if (key === "isFavourite") button.setAttribute("aria-label", hint);
    button.addEventListener("click", () => onSort(key));
    cell.append(button);
    this.#row.append(cell);
    this.#cells.set(key, cell);
  }

  #moveStop(stop) {
    for (const cell of this.#cells.values()) {
      const button = cell.firstElementChild;
      button.tabIndex = button === stop ? 0 : -1;
    }
  }
}

function headerCell(index, key) {
  const cell = document.createElement(key === "open" ? "td" : "th");
  if (key !== "open") cell.scope = "col";
  cell.setAttribute("role", key === "open" ? "gridcell" : "columnheader");
  cell.setAttribute("aria-colindex", index + 1);
  cell.dataset.column = key;
  return cell;
}
