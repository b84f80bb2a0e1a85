// Values that the browser keeps as JSON. Some browsers refuse storage, and others share it with
// other programs at the same address, so nothing relies on it.

/** Return a storage of the browser, "localStorage" or "sessionStorage"; null if it is refused. */
export function storageNamed(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

/** Return the value that `storage` keeps under a name, null if there is none that can be read. */
export function readKept(storage, name) {
  try {
    return JSON.parse(storage.getItem(name));
  } catch {
    return null;
  }
}

/** Keep a value; without room or permission it is lost when the page is left. */
export function writeKept(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // The page works without.
  }
}
