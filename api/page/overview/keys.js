// The keys of the table. Within it, Tab stops once at the header and once at the rows.

import { KEYS } from "./words.js";

const CONTROL_STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class TableKeys {
  #head;
  #body;
  #search;
  #remove;

  /** `table` is the element; `head`, `body` and `search` are the places between which keys move;
   *  `keys` is the Keys of the page. */
  constructor(table, { head, body, search, keys }) {
    this.#head = head;
    this.#body = body;
    this.#search = search;
    table.tHead.addEventListener("keydown", (event) => this.#inHead(event));
    table.tBodies[0].addEventListener("keydown", (event) => this.#inBody(event));
    search.addEventListener("keydown", (event) => this.#inSearch(event));
    const runs = { "/": () => this.#find(), f: () => this.#press(0), o: () => this.#press(-1) };
    const bindings = Object.entries(KEYS).map(([key, does]) => ({ key, does, run: runs[key] }));
    this.#remove = keys.add("Table of all books", bindings);
  }

  /** Take no more keys. */
  close() {
    this.#remove();
  }

  #inHead(event) {
    if (hasModifier(event)) return;
    if (event.key in CONTROL_STEPS) this.#head.move(CONTROL_STEPS[event.key]);
    else if (event.key === "ArrowDown") this.#body.focus(0, 1);
    else return;
    event.preventDefault();
  }

  #inBody(event) {
    const { row, control } = this.#body.placeOf(event.target);
    if (hasModifier(event) || row === undefined) return;
    if (event.key in CONTROL_STEPS) row.controls[control + CONTROL_STEPS[event.key]]?.focus();
    else if (!this.#moveRow(event.key, row.index, control)) return;
    event.preventDefault();
  }

  /** Return whether the key moves the focus to another row. */
  #moveRow(key, index, control) {
    const last = this.#body.count - 1;
    const targets = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: Math.min(index + this.#body.pageRows, last),
      PageUp: Math.max(index - this.#body.pageRows, 0),
      Home: 0,
      End: last,
    };
    if (!(key in targets)) return false;
    if (targets[key] < 0) this.#head.focus();
    else this.#body.focus(targets[key], Math.max(control, 0));
    return true;
  }

  #inSearch(event) {
    if (hasModifier(event) || event.key !== "ArrowDown") return;
    this.#body.focus(0, 1);
    event.preventDefault();
  }

  #find() {
    this.#search.focus();
    this.#search.select();
  }

  /** Press a control of the row that has the focus. */
  #press(control) {
    this.#body.placeOf(document.activeElement).row?.controls.at(control).click();
  }
}

function hasModifier({ altKey, ctrlKey, metaKey, shiftKey }) {
  return altKey || ctrlKey || metaKey || shiftKey;
}
