// The theme: light, dark, or that of the system. The style sheet of the light one is switched by its
// `media`, so each colour is written once per theme. index.html loads this module before it paints.

import { readKept, writeKept } from "./kept.js";

export const THEMES = Object.freeze(["system", "light", "dark"]);
const NAME = "kraken-book theme";
const MEDIA = { system: "(prefers-color-scheme: light)", light: "all", dark: "not all" };

/** Return the chosen theme. */
export function chosenTheme() {
  const kept = readKept(NAME);
  return THEMES.includes(kept) ? kept : "system";
}

/** Choose a theme for this browser, and use it. */
export function chooseTheme(theme) {
  writeKept(NAME, theme);
  applyTheme(theme);
}

function applyTheme(theme) {
  document.getElementById("light-theme").media = MEDIA[theme];
  // What is drawn on a canvas has to be drawn again.
  window.dispatchEvent(new Event("themechange"));
}

applyTheme(chosenTheme());
