// A symbol as it is shown.

import { write } from "./texts.js";

/** Write a symbol; a venue other than Kraken is on a line of its own. */
export function writeSymbol(element, name) {
  const end = name.indexOf(":") + 1;
  if (end === 0) {
    write(element, name);
    return;
  }
  const [venue, pair] = [name.slice(0, end), name.slice(end)].map((text) => {
    const part = document.createElement("span");
    part.textContent = text;
    return part;
  });
  venue.className = "venue";
  element.replaceChildren(venue, pair);
}
