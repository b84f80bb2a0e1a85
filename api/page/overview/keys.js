// The keys of the table. Within it, Tab stops once at the header and once at the rows.

const ROW_STEPS = { ArrowDown: 1, ArrowUp: -1 };
const CONTROL_STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export class TableKeys {
  #head;
  #body;
  #search;

  /** `table` is the element; `head`, `body` and `search` are the places between which keys move. */
  constructor(table, head, body, search) {
    this.#head = head;
    this.#body = body;
    this.#search = search;
    table.tHead.addEventListener("keydown", (event) => this.#inHead(event));
    table.tBodies[0].addEventListener("keydown", (event) => this.#inBody(event));
    search.addEventListener("keydown", (event) => this.#inSearch(event));
    document.addEventListener("keydown", (event) => this.#anywhere(event));
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
    else if (event.key === "f") row.controls[0].click();
    else if (!this.#moveRow(event.key, row.index, control)) return;
    event.preventDefault();
  }

  /** Return whether the key moves the focus to another row. */
  #moveRow(key, index, control) {
    const last = this.#body.count - 1;
    const targets = {
      ArrowDown: index + ROW_STEPS.ArrowDown,
      ArrowUp: index + ROW_STEPS.ArrowUp,
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

  #anywhere(event) {
    const isTyping = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || hasModifier(event) || isTyping || !this.#search.checkVisibility()) return;
    this.#search.focus();
    this.#search.select();
    event.preventDefault();
  }
}

function hasModifier({ altKey, ctrlKey, metaKey, shiftKey }) {
  return altKey || ctrlKey || metaKey || shiftKey;
}
