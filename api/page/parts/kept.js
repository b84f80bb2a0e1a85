// Values that the browser keeps as JSON, for all visits or for this tab. Some browsers refuse storage,
// and other programs at the same address share it, so nothing relies on it.

const VISITS = "localStorage";
export const TAB = "sessionStorage";

/** Return the value that is kept under a name, null if there is none that can be read. `storage` is
 *  TAB for the values of this tab. */
export function readKept(name, storage = VISITS) {
  try {
    return JSON.parse(globalThis[storage].getItem(name));
  } catch {
    return null;
  }
}

/** Keep a value; without room or permission it is lost when the page is left. */
export function writeKept(name, value, storage = VISITS) {
  try {
    globalThis[storage].setItem(name, JSON.stringify(value));
  } catch {
    // The page works without.
  }
}
