// The choice of the theme in the head of the page.

import { THEMES, chooseTheme, chosenTheme } from "./theme.js";

export class ThemeSwitch {
  #select;

  /** `select` has an option for each theme. */
  constructor(select) {
    this.#select = select;
    select.value = chosenTheme();
    select.addEventListener("change", () => chooseTheme(select.value));
  }

  /** Choose the next theme. */
  next() {
    this.#select.value = THEMES[(THEMES.indexOf(this.#select.value) + 1) % THEMES.length];
    chooseTheme(this.#select.value);
  }
}
