// The keys of the page and of the open view. The list of keys shows exactly these.

import { readKept, writeKept } from "./kept.js";

const NAME = "kraken-book keys";
const FIELDS = "input, select, textarea, [contenteditable]";
// Controls without text, which need only the space bar and the arrows for themselves.
const SWITCHES = "input[type=radio], input[type=checkbox]";

export class Keys {
  #groups = [];
  #areOn = readKept(NAME) !== false;

  constructor() {
    document.addEventListener("keydown", (event) => this.#press(event));
  }

  /** What `add` has added: `[{title, bindings}]`. */
  get groups() {
    return this.#groups;
  }

  /** Whether single characters are taken; software that types by speech needs them off. */
  get areOn() {
    return this.#areOn;
  }

  set areOn(areOn) {
    this.#areOn = areOn;
    writeKept(NAME, areOn);
  }

  /** Take keys, until the returned function is called.
   *
   * A binding has `key` as in KeyboardEvent, `does` for the list of keys, and `run`. Without `run` it is
   * only listed, because its part of the page takes the key itself. Keys in fields and dialogs, and
   * together with Ctrl, Alt or Meta, stay the browser's.
   */
  add(title, bindings) {
    const group = { title, bindings };
    this.#groups.push(group);
    return () => {
      this.#groups = this.#groups.filter((each) => each !== group);
    };
  }

  #press(event) {
    const { key, target } = event;
    const isTaken = event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey;
    if (isTaken || isOfField(key, target) || document.querySelector("dialog[open]")) return;
    if (!this.#areOn && key.length === 1) return;
    const binding = this.#groups.flatMap(({ bindings }) => bindings).findLast((each) => each.key === key && each.run);
    if (binding === undefined) return;
    event.preventDefault();
    binding.run();
  }
}

function isOfField(key, target) {
  if (!target.closest?.(FIELDS)) return false;
  return !target.matches(SWITCHES) || key === " " || key.startsWith("Arrow");
}
