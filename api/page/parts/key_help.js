// The list of keys, a dialog.

import { write } from "./texts.js";

// What people read instead of the names of KeyboardEvent.
const NAMES = new Map([["Escape", "Esc"], ["ArrowLeft", "←"], ["ArrowRight", "→"], ["ArrowUp", "↑"], ["ArrowDown", "↓"],
  ["PageUp", "Page ↑"], ["PageDown", "Page ↓"]]);

export class KeyHelp {
  #dialog;
  #keys;

  /** `keys` is the Keys whose groups are listed. */
  constructor(dialog, keys) {
    this.#dialog = dialog;
    this.#keys = keys;
    const areOn = dialog.querySelector("input");
    areOn.checked = keys.areOn;
    areOn.addEventListener("change", () => (keys.areOn = areOn.checked));
    dialog.querySelector("button").addEventListener("click", () => dialog.close());
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "?") return;
      event.preventDefault();
      dialog.close();
    });
  }

  open() {
    const lists = this.#keys.groups.map(({ title, bindings }) => groupElement(title, bindings));
    this.#dialog.querySelector("[data-part='groups']").replaceChildren(...lists);
    this.#dialog.showModal();
  }
}

function groupElement(title, bindings) {
  const group = document.createElement("section");
  const heading = document.createElement("h3");
  write(heading, title);
  const list = document.createElement("dl");
  // Keys that do the same are one line.
  for (const does of new Set(bindings.map((each) => each.does))) {
    const term = document.createElement("dt");
    for (const { key } of bindings.filter((each) => each.does === does)) term.append(keyElement(key), " ");
    const description = document.createElement("dd");
    write(description, does);
    list.append(term, description);
  }
  group.append(heading, list);
  return group;
}

function keyElement(key) {
  const element = document.createElement("kbd");
  write(element, NAMES.get(key) ?? key);
  return element;
}
