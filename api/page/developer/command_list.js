// The list of commands of a view, for one language at a time. It is closed until somebody opens it.

import { make } from "../parts/dom.js";
import { readKept, writeKept } from "../parts/kept.js";
import { write } from "../parts/texts.js";
import { LANGUAGES } from "./commands.js";
import { copyText } from "./copy.js";

const NAME = "kraken-book language";
let made = 0;

export class CommandList {
  element;
  #language;
  #commands = [];
  #hint = make("p", "hint");
  #list = make("div", "commands");
  #shown = "";

  /** `title` is the name of the list. */
  constructor(title) {
    made += 1;
    const kept = readKept(NAME);
    this.#language = LANGUAGES.find(({ name }) => name === kept) ?? LANGUAGES[0];
    const choice = make("fieldset", "segments", {}, make("legend", "unseen", {}, "Language"), ...LANGUAGES.map((each) => this.#option(each)));
    this.element = make("details", "developer command-list", {}, make("summary", "", {}, title), choice, this.#hint, this.#list);
  }

  /** Show `commands`, as those of commands.js. */
  show(commands) {
    this.#commands = commands;
    this.#fill();
  }

  toggle() {
    this.element.open = !this.element.open;
  }

  #option(language) {
    const input = make("input", "", { type: "radio", name: `language-${made}`, value: language.name });
    input.checked = language === this.#language;
    input.addEventListener("change", () => {
      this.#language = language;
      writeKept(NAME, language.name);
      this.#fill();
    });
    return make("label", "segment", {}, input, make("span", "", {}, language.name));
  }

  /** Make the commands anew if they have changed, so that a selection stays otherwise. */
  #fill() {
    const commands = this.#commands.filter(({ language }) => language === this.#language.name);
    const shown = JSON.stringify(commands);
    if (shown === this.#shown) return;
    this.#shown = shown;
    write(this.#hint, this.#language.hint);
    this.#list.replaceChildren(...commands.map(commandElement));
  }
}

function commandElement({ language, title, text }) {
  const code = make("pre", "", { tabindex: "0", role: "region", "aria-label": `${title}: ${language}` }, text);
  const status = make("span", "copied", { role: "status" });
  const copy = make("button", "control", { type: "button", "aria-label": `Copy: ${title}` }, "Copy");
  copy.addEventListener("click", () => copyText(code, status));
  return make("div", "command", {}, make("p", "", {}, title), code, make("p", "buttons", {}, copy, status));
}
