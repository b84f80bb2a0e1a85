// Copy the text of an element.

import { write } from "../parts/texts.js";

/** Copy the text of `element`, and say in `status` what was done.
 *
 * A browser refuses without its permission, or if the page was not loaded by https. Then the text is
 * selected.
 */
export async function copyText(element, status) {
  // A text that stays the same is not read aloud again.
  write(status, "");
  try {
    await navigator.clipboard.writeText(element.textContent);
    write(status, "Copied.");
  } catch {
    getSelection().selectAllChildren(element);
    write(status, "Selected; copy it with the keys of your system.");
  }
}
