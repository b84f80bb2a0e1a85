// The key of the api, if it needs one: kept for this tab, and never part of an address.

import { crc32 } from "../kraken-book.js";

const NAME = "kraken-book key";

/** Return the key of this tab, null if there is none. */
export function keptKey() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    // Some browsers forbid storage; then each load asks again.
    return null;
  }
}

/** Keep `key`, and load the page again with it. */
export function keepKey(key) {
  try {
    sessionStorage.setItem(NAME, key);
  } finally {
    location.reload();
  }
}

/** Return the headers of a request with the key. */
export function keyHeaders() {
  const key = keptKey();
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** Return a word that differs between keys, so that windows with other keys share no stream. */
export function keyWord() {
  const key = keptKey();
  return key === null ? "" : String(crc32(encodeURIComponent(key)));
}
