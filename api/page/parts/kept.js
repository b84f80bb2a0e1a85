// Values that the browser keeps for all visits, as JSON. Some browsers refuse storage, and other
// programs at the same address share it, so nothing relies on it.

/** Return the value that is kept under a name, null if there is none that can be read. */
export function readKept(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

/** Keep a value; without room or permission it is lost when the page is left. */
export function writeKept(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // The page works without.
  }
}
