// A table whose texts change in place, so that a selection stays.

import { make } from "../parts/dom.js";
import { mark, write } from "../parts/texts.js";

export class StatusTable {
  element;
  #body = make("tbody");

  /** `titles` are those of the columns; the cell of the column `status` gets the shape of a status. */
  constructor(label, titles, status) {
    const heads = titles.map((title) => make("th", "", { scope: "col" }, title));
    const table = make("table", "", {}, make("thead", "", {}, make("tr", "", {}, ...heads)), this.#body);
    this.element = make("div", "scroll", { tabindex: "0", role: "region", "aria-label": label }, table);
    this.#cell = (index) => {
      const text = make("span", index === status ? "status" : "");
      return make(index === 0 ? "th" : "td", "", index === 0 ? { scope: "row" } : {}, text);
    };
  }

  #cell;

  /** Show `rows`: `{status, cells}`. */
  show(rows) {
    this.element.hidden = rows.length === 0;
    while (this.#body.childElementCount > rows.length) this.#body.lastElementChild.remove();
    rows.forEach(({ status, cells }, index) => {
      const row = this.#body.children[index] ?? this.#add(cells.length);
      mark(row, "status", status);
      cells.forEach((text, column) => write(row.children[column].firstElementChild, text));
    });
  }

  #add(count) {
    const row = make("tr", "", {}, ...Array.from({ length: count }, (_, index) => this.#cell(index)));
    this.#body.append(row);
    return row;
  }
}
